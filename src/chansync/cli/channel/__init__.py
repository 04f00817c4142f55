"""``chansync channel``."""
