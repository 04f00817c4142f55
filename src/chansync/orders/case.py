"""What is decided on (an order with its sale and what was before), and the plan that comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chansync.model.order import Order
from chansync.model.sale import SaleDraft, SaleView, Shipment
from chansync.model.steps import Step
from chansync.orders.differences import Change
from chansync.orders.problem import Problem


@dataclass(frozen=True, slots=True)
class History:
    """What is known of an order that is a sale from before.

    Attributes:
        status: the order's status when it was last seen.
        own_status: the status that we last set on the site; seeing it again is no change and proves no payment.
        todo: what is left of ``ON_CREATION`` (``orders.decide``).
        problems: the codes of its open problems.
        taken: what the sale has taken over of the order, and what a person decided to keep (``orders.differences``).
        decision: the word of what a person decided on the order as it is now (``orders.decisions``); empty: nothing.
        refunds: the ids of the refunds that the site ever told.
    """

    status: str
    own_status: str | None = None
    todo: tuple[str, ...] = ()
    problems: frozenset[str] = frozenset()
    taken: Mapping[str, Any] = field(default_factory=dict)
    decision: str = ""
    refunds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Case:
    """An order and its sale, as they are now.

    Attributes:
        sale_key: the idempotency key of the sale.
        sale: None while there is none.
        history: None while the order is not known to be a sale.
        draft: the sale that the order would make now, or why it makes none; None where neither can matter.
        differences: every difference between the order and its sale, also those that a person decided to keep.
        skip: why the order is not imported (``orders.selection``); then there is nothing to decide.
        repeat_steps: the words of the steps of ``ON_CREATION`` that were done with the sale that is replaced, to be
            repeated for the new one.
        paid: what was paid of that sale, in minor units, and is paid of this one too; 0 where it may have been taken
            back.
        waiting: the steps that an outside ERP was asked for and has not answered, so that the sale is not known as it
            will be: word → whether it is on its way already.
        now: UTC milliseconds.
        shipment: how the goods of that sale travel.
        wishes: what a person asked the ERP for and it has refused (``Embedded.wishes``).
    """

    order: Order
    sale_key: str
    sale: SaleView | None = None
    history: History | None = None
    draft: SaleDraft | Problem | None = None
    differences: Sequence[Change] = ()
    skip: str = ""
    repeat_steps: tuple[str, ...] = ()
    paid: int = 0
    waiting: Mapping[str, bool] = field(default_factory=dict)
    now: int = 0
    shipment: Shipment | None = None
    wishes: tuple[Step, ...] = ()


@dataclass(slots=True)
class Plan:
    """What shall be done with an order.

    Attributes:
        waits: nothing can be decided yet; todo and problems stay as they are.
        steps: in their order.
        todo: the words of those steps that the creation of the sale asks for: each is tried until it is done.
        problems: what stands in the way, whatever becomes of the steps.
        otherwise: step name → the problem that there is where the step changes nothing.
        deferred: words of steps that the creation asks for and that wait until nothing speaks against them.
        look_again: when something will have to be said though nothing changes, UTC milliseconds; None: never.
        held: an edit waits for a person: what is left of the sale's creation stays, and nothing is told to the site.
        undecided: the codes of problems that were not looked for: what is open of them stays open.
        kept: field → digest of each change that a person decided to keep out of the sale.
        remake: the steps end the sale, and the order then makes a new one.
        drops: what the ERP was asked for and has not been sent is void.
    """

    waits: bool = False
    steps: list[Step] = field(default_factory=list)
    todo: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    otherwise: dict[str, Problem] = field(default_factory=dict)
    deferred: list[str] = field(default_factory=list)
    look_again: int | None = None
    held: bool = False
    undecided: frozenset[str] = frozenset()
    kept: dict[str, str] = field(default_factory=dict)
    remake: bool = False
    drops: bool = False
