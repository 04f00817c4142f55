"""The ``chansync`` command."""
