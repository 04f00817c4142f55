"""Wizards of Tryton, as a client runs them: a form is asked for, filled in, and sent with the state that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from chansync.erp.tryton.rpc import Row, TrytonRpc

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Wizard:
    """A wizard that begins with a form, for records of a model one after the other.

    It is opened in Tryton when it is first needed; ``close`` ends it there.
    """

    def __init__(self, rpc: TrytonRpc, name: str, model: str) -> None:
        self._rpc, self._name, self._model = rpc, name, model
        self._session: int | None = None
        self._start = ""

    async def form(self, record: int) -> Row:
        """What the form says by itself for a record."""
        shown = await self._execute(record, {}, "")
        return plain(shown["view"]["defaults"])

    async def send(self, record: int, filled: Row, button: str, further: Mapping[str, Any] = _NOTHING) -> Row:
        """Send the form for a record; what it answered.

        Args:
            button: the state that the form is sent to.
            further: what is filled in where it asks once more, beside what that form says by itself.
        """
        told = await self._execute(record, filled, button)
        if following := told.get("view"):
            asked = {following["state"]: plain(following["defaults"]) | dict(further)}
            told = await self._execute(record, filled, following["buttons"][-1]["state"], asked)
        return told

    async def close(self) -> None:
        """End it; harmless where it was not opened."""
        session, self._session = self._session, None
        if session is not None:
            await self._rpc.call(f"wizard.{self._name}.delete", session)

    async def _execute(self, record: int, filled: Row, state: str, others: Mapping[str, Row] = _NOTHING) -> Row:
        if self._session is None:
            self._session, self._start, _ = await self._rpc.call(f"wizard.{self._name}.create")
        data = ({self._start: filled} if filled else {}) | dict(others)
        active = {"active_model": self._model, "active_id": record, "active_ids": [record]}
        told: Row = await self._rpc.call(
            f"wizard.{self._name}.execute", self._session, data, state or self._start, **active
        )
        return told


async def run_wizard(
    rpc: TrytonRpc, name: str, model: str, record: int, answer: Callable[[Row], Row], button: str
) -> None:
    """Run a wizard for one record.

    Args:
        answer: from what its form says by itself to what is filled in.
        button: the state that the form is sent to.
    """
    wizard = Wizard(rpc, name, model)
    await wizard.send(record, answer(await wizard.form(record)), button)
    await wizard.close()


async def process_sale(rpc: TrytonRpc, sale: int) -> None:
    """Have Tryton look at a sale. The button for that is not for everybody; this wizard, in which nothing is chosen,
    does it too."""
    await run_wizard(rpc, "sale.handle.shipment.exception", "sale.sale", sale, dict, "handle")


async def of_lines(rpc: TrytonRpc, name: str, lines: Sequence[int]) -> None:
    """Run a wizard without a form for lines of moves, all of them together."""
    session, start, _ = await rpc.call(f"wizard.{name}.create")
    active = {"active_model": "account.move.line", "active_id": lines[0], "active_ids": list(lines)}
    await rpc.call(f"wizard.{name}.execute", session, {}, start, **active)
    await rpc.call(f"wizard.{name}.delete", session)


def plain(defaults: Row) -> Row:
    """The defaults of a form, without what is only told for showing it."""
    return {name: value for name, value in defaults.items() if "." not in name}
