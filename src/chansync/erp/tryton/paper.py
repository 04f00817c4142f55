"""What a sale is beside what Tryton has fields for: kept as a note of the sale in Tryton itself.

The platform's ids of lines, the methods and the addresses word by word are needed to follow the order later. They are
created with the sale in one transaction, are on no document that is printed, and are seen under the sale's notes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeVar

from chansync.erp.tryton.rpc import Row
from chansync.model.order import Address, TaxNumbers
from chansync.model.sale import MethodAmount, RefundedLine, SaleDraft, SaleLine
from chansync.model.wire import BadWire, from_json, to_json

P = TypeVar("P", "Paper", "RefundPaper")

#: How the note begins; people read it.
_TITLE = "chansync keeps here what it needs of the order. Please leave it as it is."


@dataclass(slots=True)
class RefundPaper:
    """What is kept of a refund.

    Attributes:
        key: of the refund in the sale.
        total: minor units; below zero where it takes another one back.
        shares: how much of each of the sale's lines is given back by the part of ``total`` that no line says.
        has_own_taxes: as of a ``Paper``.
    """

    key: str
    total: int
    lines: list[RefundedLine] = field(default_factory=list)
    has_own_taxes: bool = False
    shares: list[RefundedLine] = field(default_factory=list)


@dataclass(slots=True)
class Paper:
    """What is kept of a sale.

    Attributes:
        number: the sale's own, where the order says it; empty: Tryton's counts.
        carrier: how the goods travel, where Tryton has no field for it.
        done_at: when a sale without goods was written out, UTC milliseconds; 0: it is not.
        refunds: those that give back neither money nor goods.
        has_own_taxes: whether a line has other taxes than its product, of which Tryton warns when it posts the invoice.
        blocks_again: goods are released for a moment, and are to be assigned again.
    """

    number: str = ""
    order_number: str = ""
    payment_method: str = ""
    delivery_method: str = ""
    document_type: str = ""
    tax_transaction: str = ""
    note: str = ""
    billing: Address = field(default_factory=Address)
    delivery: Address = field(default_factory=Address)
    tax_numbers: TaxNumbers = field(default_factory=TaxNumbers)
    lines: list[SaleLine] = field(default_factory=list)
    carrier: str = ""
    done_at: int = 0
    refunds: list[RefundPaper] = field(default_factory=list)
    has_own_taxes: bool = False
    payments: tuple[MethodAmount, ...] = ()
    blocks_again: bool = False


def paper_of(draft: SaleDraft) -> Paper:
    """The paper of a sale that is made like the draft."""
    return Paper(
        draft.number, draft.order_number, draft.payment_method, draft.delivery_method, draft.document_type,
        draft.tax_transaction, draft.note, draft.billing, draft.delivery, draft.tax_numbers, draft.lines,
        payments=draft.payments,
    )  # fmt: skip


def message(paper: Paper | RefundPaper) -> str:
    """The text of the note."""
    return f"{_TITLE}\n{to_json(paper)}"


def read_paper(notes: Iterable[Row], kind: type[P]) -> P | None:
    """The newest of a sale's notes that is ours; None where there is none, or somebody changed it."""
    own = [row for row in notes if row["message"].startswith(_TITLE)]
    with contextlib.suppress(BadWire):
        return from_json(max(own, key=itemgetter("id"))["message"].partition("\n")[2], kind) if own else None
    return None
