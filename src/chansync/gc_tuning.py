"""How Python itself runs while orders are taken in."""

from __future__ import annotations

import gc
import sys


def set_pace() -> None:
    """Look for cycles less often, and let threads take turns more often, than Python does by default.

    A page of orders is hundreds of thousands of small objects without cycles; looking through them again and again
    costs about a tenth of an import's CPU. They are freed by their reference counts all the same. And the thread
    that imports must not keep the one that talks to the sites from sending its next request: by default it may hold
    on for 5 ms at each step.
    """
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    sys.setswitchinterval(0.0005)
