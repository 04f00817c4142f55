"""Widgets: small, composed, without knowledge of the database."""
