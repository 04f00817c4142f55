"""Wizards of Tryton, as a client runs them: a form is asked for, filled in, and sent with the state that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from chansync.erp.tryton.rpc import Row, TrytonRpc


async def run_wizard(
    rpc: TrytonRpc,
    name: str,
    model: str,
    record: int,
    answer: Callable[[Row], Row],
    button: str,
    further: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:
    """Run a wizard with one form for a record; what it answered.

    Args:
        answer: from the form's defaults to what is filled in.
        button: the state that the form is sent to.
        further: what is filled in where it asks once more, beside what that form says by itself.
    """
    session, start, _ = await rpc.call(f"wizard.{name}.create")
    active = {"active_model": model, "active_id": record, "active_ids": [record]}
    shown = await rpc.call(f"wizard.{name}.execute", session, {}, start, **active)
    filled = answer(plain(shown["view"]["defaults"]))
    told: dict[str, Any] = await rpc.call(f"wizard.{name}.execute", session, {start: filled}, button, **active)
    if told.get("view"):
        following = told["view"]
        asked = {start: filled, following["state"]: plain(following["defaults"]) | dict(further)}
        last = following["buttons"][-1]["state"]
        told = await rpc.call(f"wizard.{name}.execute", session, asked, last, **active)
    await rpc.call(f"wizard.{name}.delete", session)
    return told


def plain(defaults: Row) -> Row:
    """The defaults of a form, without what is only told for showing it."""
    return {name: value for name, value in defaults.items() if "." not in name}
