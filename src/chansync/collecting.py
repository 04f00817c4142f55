"""How often Python looks for cycles while orders are taken in."""

from __future__ import annotations

import gc


def collect_seldom() -> None:
    """Look for cycles less often than Python does by default.

    A page of orders is hundreds of thousands of small objects without cycles; looking through them again and again
    costs about a tenth of an import's CPU. They are freed by their reference counts all the same.
    """
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
