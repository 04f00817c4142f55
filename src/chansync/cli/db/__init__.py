"""``chansync db``."""
