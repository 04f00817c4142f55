"""Finds platforms by the entry-point group ``chansync.platforms``: ours are registered like anybody's."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from chansync.model.errors import UsageError
from chansync.platforms.protocol import Platform

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "chansync.platforms"


@cache
def _found() -> dict[str, EntryPoint]:
    # Imported here: it takes longer to load than a short command runs.
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


def kinds() -> list[str]:
    """The kinds of integration system that are installed, without importing them."""
    return sorted(_found())


@cache
def platform(kind: str) -> Platform:
    """The platform of that kind.

    Raises:
        UsageError: nothing installed is of that kind, or it cannot be imported.
    """
    point = _found().get(kind)
    if point is None:
        raise UsageError(f"There is no platform {kind!r:.40}: installed are {', '.join(kinds()) or 'none'}.")
    try:
        found: Platform = point.load()
    except ImportError as error:
        raise UsageError(f"The platform {kind!r} cannot be loaded: {error}.") from error
    return found
