"""``chansync log``."""
