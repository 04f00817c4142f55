"""Screens: each reads what it shows from the database and owns its state."""
