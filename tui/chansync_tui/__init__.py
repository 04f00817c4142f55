"""The terminal screens of chansync, made with Textual. ``chansync_tui.app.run`` starts them."""
