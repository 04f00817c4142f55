"""Checks of an installation: what is wrong, and how to repair it; and ``health``, the short form for monitoring."""
