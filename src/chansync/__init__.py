"""chansync keeps an ERP and its sales channels the same."""

__version__ = "0.1.0"
