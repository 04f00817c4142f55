"""Outside ERPs in the core: those that are connected, and the mirror by which they look like one in our own file."""
