"""The Textual TUI of chansync."""
