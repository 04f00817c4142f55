"""Platforms and ERPs are found by their entry points: ours are registered like anybody's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint


@cache
def installed(group: str) -> dict[str, EntryPoint]:
    """The entry points of a group by their names, without importing what they name."""
    # Imported here: it takes longer to load than a short command runs.
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=group)}


def load(group: str, name: str, what: str, names: Sequence[str]) -> Any:
    """What the entry point of that name stands for.

    Args:
        what: of what kind it is, for people.
        names: those of the group, as people are shown them.

    Raises:
        UsageError: nothing installed has that name, or it cannot be imported.
    """
    point = installed(group).get(name)
    if point is None:
        raise UsageError(f"There is no {what} {name!r:.40}: installed are {', '.join(names) or 'none'}.")
    try:
        return point.load()
    except ImportError as error:
        raise UsageError(f"The {what} {name!r} cannot be loaded: {error}.") from error
