"""The one SQLite file in which the daemon, the TUI and the commands meet: access through apsw."""
