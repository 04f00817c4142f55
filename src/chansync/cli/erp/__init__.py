"""``chansync erp``."""
