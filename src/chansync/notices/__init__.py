"""Telling the notice users: what to say, by which ways, and when."""
