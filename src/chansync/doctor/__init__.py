"""Looking an installation over: what is wrong, and how to mend it; and ``health``, the short form for monitoring."""
