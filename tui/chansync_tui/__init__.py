"""The terminal screens of chansync, made with Textual. ``chansync_tui.start.run`` starts them."""
