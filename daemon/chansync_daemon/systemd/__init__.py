"""The service under systemd: unit, user and folder as files, and what puts them in place."""
