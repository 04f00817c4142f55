"""Settings of Python's garbage collector and thread switching."""

from __future__ import annotations

import gc
import sys


def collect_rarely() -> None:
    """Search for reference cycles less often than Python does by default, which is after every 700 new objects.

    What imports and commands make stays or is freed by its reference count: the searches find next to nothing, and
    take a tenth of the CPU time of a short command and of an import of orders.
    """
    gc.set_threshold(50_000, 50, 100)


def tune_gc() -> None:
    """For work in bulk: what was loaded is not searched again, and threads switch ten times as often as by default.

    The importing thread then does not delay the requests of the network thread.
    """
    collect_rarely()
    gc.freeze()
    sys.setswitchinterval(0.0005)
