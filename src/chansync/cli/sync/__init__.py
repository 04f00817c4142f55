"""``chansync sync``."""
