"""Views, steps and their results as JSON: how they are kept in the database, and how they go to an ERP over HTTP.

Decimals and days are text, enumerations their values. A step says which it is by its field ``step``. Fields with
defaults may be left out, and fields that are not known are ignored, so that either side may be the newer one.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from chansync.model import steps
from chansync.model.errors import ChansyncError
from chansync.model.steps import Step

T = TypeVar("T")

#: The steps that there are, by their word.
STEPS: dict[str, type[Step]] = {
    each.word: each
    for each in (
        steps.Record, steps.Rewrite, steps.Complete, steps.Amend, steps.Block, steps.Release, steps.RequestMissing,
        steps.IssueDocument, steps.Pay, steps.WriteOut, steps.Pack, steps.Ship, steps.Cancel, steps.Reverse,
        steps.Refund, steps.WithdrawRefund,
    )
}  # fmt: skip


class BadWire(ChansyncError):
    """JSON that is not what it should be; the sentence says where."""

    code = "bad_data"


def to_plain(value: Any) -> Any:
    """Any dataclass or collection of such as values that JSON has."""
    return msgspec.to_builtins(value)


def from_plain(value: Any, of: type[T]) -> T:
    """The reverse of ``to_plain`` and of ``json.loads``.

    Raises:
        BadWire: it is none.
    """
    try:
        return msgspec.convert(value, of)
    except (msgspec.ValidationError, ArithmeticError) as error:
        raise BadWire(f"This is no {of.__name__}: {error}.") from error


def to_json(value: Any) -> str:
    """Any dataclass or collection of such as JSON."""
    return msgspec.json.encode(value).decode()


def from_json(text: str | bytes, of: type[T]) -> T:
    """The reverse of ``to_json``.

    Raises:
        BadWire: it is none.
    """
    try:
        return msgspec.json.decode(text, type=of)
    except (msgspec.DecodeError, ArithmeticError) as error:
        raise BadWire(f"This is no {of.__name__}: {error}.") from error


def step_to_plain(step: Step) -> dict[str, Any]:
    """A step as values that JSON has."""
    plain: dict[str, Any] = msgspec.to_builtins(step)
    return {"step": step.word} | plain


def step_from_plain(value: Any) -> Step:
    """The reverse of ``step_to_plain``.

    Raises:
        BadWire: it is none.
    """
    word = value.get("step") if isinstance(value, dict) else None
    kind = STEPS.get(word) if isinstance(word, str) else None
    if kind is None:
        raise BadWire(f"There is no step {word!r:.40}: known are {', '.join(STEPS)}.")
    return from_plain(value, kind)


def step_to_json(step: Step) -> str:
    """A step as JSON."""
    return to_json(step_to_plain(step))


def step_from_json(text: str | bytes) -> Step:
    """The reverse of ``step_to_json``.

    Raises:
        BadWire: it is none.
    """
    return step_from_plain(from_json(text, dict))
