"""Finds platforms by the entry-point group ``chansync.platforms``."""

from __future__ import annotations

from functools import cache

from chansync import plugins
from chansync.platforms.protocol import Platform

GROUP = "chansync.platforms"


def kinds() -> list[str]:
    """The kinds of integration system that are installed, without importing them."""
    return sorted(plugins.installed(GROUP))


@cache
def platform(kind: str) -> Platform:
    """The platform of that kind.

    Raises:
        UsageError: nothing installed is of that kind, or it cannot be imported.
    """
    found: Platform = plugins.load(GROUP, kind, "platform", kinds())
    return found
