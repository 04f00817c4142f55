"""Wizards of Tryton, as a client runs them: a form is asked for, filled in, and sent with the state that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from chansync.erp.tryton.rpc import Row, TrytonRpc

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Wizard:
    """A wizard for records of a model, one after the other.

    It is opened in Tryton when it is first needed; ``close`` ends it there.
    """

    def __init__(self, rpc: TrytonRpc, name: str, model: str) -> None:
        self._rpc, self._name, self._model = rpc, name, model
        self._session: int | None = None
        self._start = ""

    async def send(self, record: int, filled: Row, button: str, further: Mapping[str, Any] = _NOTHING) -> None:
        """Send the form for a record.

        Args:
            button: the state that the form is sent to.
            further: what is filled in where it asks once more, beside what that form says by itself.
        """
        told = await self.execute([record], filled, button)
        if following := told.get("view"):
            asked = {following["state"]: _plain(following["defaults"]) | dict(further)}
            await self.execute([record], filled, following["buttons"][-1]["state"], asked)

    async def close(self) -> None:
        """End it; harmless where it was not opened."""
        session, self._session = self._session, None
        if session is not None:
            await self._rpc.call(f"wizard.{self._name}.delete", session)

    async def execute(
        self, records: Sequence[int], filled: Row, state: str, others: Mapping[str, Row] = _NOTHING
    ) -> Row:
        """Go to a state of it, the first where none is named, with what is filled in so far; what it answers."""
        if self._session is None:
            self._session, self._start, _ = await self._rpc.call(f"wizard.{self._name}.create")
        data = ({self._start: filled} if filled else {}) | dict(others)
        active = {"active_model": self._model, "active_id": records[0], "active_ids": list(records)}
        told: Row = await self._rpc.call(
            f"wizard.{self._name}.execute", self._session, data, state or self._start, **active
        )
        return told


async def run_wizard(
    rpc: TrytonRpc,
    name: str,
    model: str,
    records: Sequence[int],
    answer: Callable[[Row], Row] | None = None,
    button: str = "",
) -> None:
    """Run a wizard once, for all of the records together.

    Args:
        answer: from what its form says by itself to what is filled in; None: it has no form.
        button: the state that the form is sent to.
    """
    wizard = Wizard(rpc, name, model)
    shown = await wizard.execute(records, {}, "")
    if answer is not None:
        await wizard.send(records[0], answer(_plain(shown["view"]["defaults"])), button)
    await wizard.close()


async def process_sale(rpc: TrytonRpc, sale: int) -> None:
    """Have Tryton look at a sale. The button for that is not for everybody; this wizard, in which nothing is chosen,
    does it too."""
    await run_wizard(rpc, "sale.handle.shipment.exception", "sale.sale", [sale], dict, "handle")


def _plain(defaults: Row) -> Row:
    """The defaults of a form, without what is only told for showing it."""
    return {name: value for name, value in defaults.items() if "." not in name}
