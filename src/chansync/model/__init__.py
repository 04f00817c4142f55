"""Plain data that every other part shares: no I/O, no SQL, no HTTP."""
