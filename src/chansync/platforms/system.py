"""What the connectors of one integration system share: its settings, its state, and an inbox of orders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FoundOrder:
    """An order that a search for all channels of a system found.

    Attributes:
        place: whose it is; the word by which ``SystemState.dealt`` gives it out.
        changed_at: UTC milliseconds of its last change; an earlier version never replaces a later one.
    """

    place: str
    external_id: str
    changed_at: int
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DealtOrder:
    """An order from the inbox of a system; later versions have later ids."""

    id: int
    raw: dict[str, Any]


class SystemState(Protocol):
    """What the connectors of one system share, over processes and restarts: JSON under names, and an inbox of orders.

    The functions that it is given run inside a transaction: they compute and do nothing else.
    """

    async def read(self, name: str) -> dict[str, Any]:
        """The value of that name; empty when it was never set."""

    async def change(self, name: str, function: Callable[[dict[str, Any]], tuple[dict[str, Any], T]]) -> T:
        """Set the value to what ``function`` makes of it; what it answers beside."""

    async def take(self, name: str) -> bool:
        """Take the lease on a name, so that one run at a time works on it; False when another has it."""

    async def give_back(self, name: str) -> None:
        """Give the lease back; harmless when it is not held."""

    async def deal(
        self, name: str, found: list[FoundOrder], function: Callable[[dict[str, Any]], dict[str, Any]]
    ) -> set[str] | None:
        """Put orders into the inbox and change the value, in one transaction; only with the lease.

        Returns:
            The places that got something new; None when the lease was lost, and nothing was written.
        """

    async def dealt(self, place: str, after: int, limit: int) -> list[DealtOrder]:
        """The place's orders after that id, in the order of their ids."""

    async def prune(
        self,
        name: str,
        before: int,
        limits: Callable[[dict[str, Any]], dict[str, int]],
        function: Callable[[dict[str, Any], dict[str, int]], dict[str, Any]],
    ) -> None:
        """Drop orders that were put in before that time (UTC milliseconds).

        Args:
            limits: from the value, for each place the time before which an order must have changed to be dropped.
            function: the new value from the old one and, for each place that lost any, the latest change among them.
        """


@dataclass(slots=True)
class SystemSettings:
    """What a connector is given of its channel's integration system.

    Attributes:
        values: the system's parameters by name (``Platform.system_parameters``), secrets opened.
        state: what its connectors share; None where nothing is kept.
    """

    code: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    state: SystemState | None = None
