"""What shall be done with a sale: plain values that the core decides on and an ERP carries out.

A step says what shall be so afterwards, not what to add: *paid in all*, *what is missing now is requested*. An ERP that
finds it so already does nothing, so a step may be repeated. The steps of a sale are carried out in their order, and one
that is refused changes nothing and stops only those that need it (``Step.needs``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from chansync.model.order import Address
from chansync.model.sale import MethodAmount, RefundedLine, SaleDraft


@dataclass(frozen=True, slots=True)
class Step:
    """One step with a sale.

    Attributes:
        word: its kind.
        told_by: the field that tells steps of its kind apart within a sale; empty: there is one.
        needs: the kinds of step without which this one is not tried where they come before it and were refused.
    """

    word: ClassVar[str] = ""
    told_by: ClassVar[str] = ""
    needs: ClassVar[frozenset[str]] = frozenset()

    @property
    def name(self) -> str:
        """Which step of its sale it is: the same again is the same step."""
        return f"{self.word}:{getattr(self, self.told_by)}" if self.told_by else self.word

    def key(self, sale_key: str) -> str:
        """Its idempotency key, ``chansync:<channel>:<order id>#<step>``."""
        return f"{sale_key}#{self.name}"


@dataclass(frozen=True, slots=True)
class Record(Step):
    """Record the sale with its customer, once for its key."""

    word: ClassVar[str] = "record"
    draft: SaleDraft


@dataclass(frozen=True, slots=True)
class Rewrite(Step):
    """Make an untouched sale like the draft: lines, addresses, customer, methods and total.

    Its key, number, date and mark stay. Blocks and requests are made again where there were any.

    Attributes:
        version: of the order that the draft was made of.
        why: what changed, for people.
    """

    word: ClassVar[str] = "rewrite"
    told_by: ClassVar[str] = "version"
    draft: SaleDraft
    version: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Complete(Step):
    """Give a sale the draft's addresses where it is nameless, and the customer where the billing address was.

    That may be done wherever the sale stands; nothing else of it changes.
    """

    word: ClassVar[str] = "complete"
    told_by: ClassVar[str] = "version"
    draft: SaleDraft
    version: str


@dataclass(frozen=True, slots=True)
class Amend(Step):
    """Change what no book depends on; None leaves it as it is.

    Attributes:
        billing: with other contact data (e-mail, phone) than before; nothing else of it differs.
        delivery: while the goods are not issued.
        payment_method: while nothing is paid by it.
        payments: what other methods pay, while nothing is paid.
        version: of the order that asks for it.
        why: what changed, for people.
    """

    word: ClassVar[str] = "amend"
    told_by: ClassVar[str] = "version"
    version: str
    billing: Address | None = None
    delivery: Address | None = None
    note: str | None = None
    payment_method: str | None = None
    payments: tuple[MethodAmount, ...] | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Block(Step):
    """Reserve what the sale needs of goods in its warehouse.

    Only what is there and not blocked for others, unless the POS allows negative stock: a block promises goods, and
    ``RequestMissing`` is for those that are not there. Again, it blocks what has come in since.
    """

    word: ClassVar[str] = "block"


@dataclass(frozen=True, slots=True)
class Release(Step):
    """Give up what is blocked."""

    word: ClassVar[str] = "release"


@dataclass(frozen=True, slots=True)
class RequestMissing(Step):
    """Request what the sale needs and those warehouses (none: the sale's own) do not have.

    What earlier sales need and what any other has blocked does not count as there, what this sale has blocked does.
    Again, it brings the requests to what is missing now.
    """

    word: ClassVar[str] = "request"
    warehouses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IssueDocument(Step):
    """Issue the financial document for what is not refunded, unless one is open.

    Attributes:
        document_type: its code; empty: the sale's own.
    """

    word: ClassVar[str] = "issue"
    document_type: str = ""


@dataclass(frozen=True, slots=True)
class Pay(Step):
    """Pay to the accounts of the payment methods, so that ``in_all`` minor units are paid in all.

    Each of ``parts`` is paid to its own method's account, the rest to that of the sale's payment method. Below zero:
    so much is paid back to the buyer of a sale whose total is below zero.

    Attributes:
        issue_first: issue the financial document where anything is owed and there is none yet.
        parts: what other methods pay of it, in minor units in all.
        transaction_id: the payment gateway's id; ``paid_on``: the day of the payment, ISO text. Empty: not known.
    """

    word: ClassVar[str] = "pay"
    needs: ClassVar[frozenset[str]] = frozenset({"rewrite", "amend", "issue"})
    in_all: int
    issue_first: bool = False
    parts: tuple[MethodAmount, ...] = ()
    transaction_id: str = ""
    paid_on: str = ""


@dataclass(frozen=True, slots=True)
class WriteOut(Step):
    """Issue the goods that are not refunded from the sale's warehouse; it ends blocks and requests.

    Where a part is issued already, the rest is the last package.

    Attributes:
        carrier, tracking: how they travel, as far as that is known; ``Ship`` says it later.
    """

    word: ClassVar[str] = "write_out"
    carrier: str = ""
    tracking: str = ""


@dataclass(frozen=True, slots=True)
class Pack(Step):
    """Write a part of the sale out as the package of that number, once; the last part is like ``WriteOut``.

    Where there is that package already, only how it travels is changed; where it holds something else, that is refused.

    Attributes:
        package: its number within the sale, from 1 on.
        lines: the platform's id of a line and how many pieces of it; 0: all that is left of it. An outside ERP is
            always told how many.
    """

    word: ClassVar[str] = "pack"
    told_by: ClassVar[str] = "package"
    package: int
    lines: tuple[tuple[str, int], ...]
    carrier: str = ""
    tracking: str = ""


@dataclass(frozen=True, slots=True)
class Ship(Step):
    """Say how the goods of a sale that is written out travel, instead of what was said before."""

    word: ClassVar[str] = "ship"
    carrier: str = ""
    tracking: str = ""


#: Why a sale is cancelled, in words of the command line, and what each means.
CANCEL_REASONS = {
    "stock": "the goods are not there",
    "buyer": "the buyer asked for it",
    "address": "it cannot be delivered there",
    "other": "anything else",
}


@dataclass(frozen=True, slots=True)
class Cancel(Step):
    """Cancel a sale of which nothing is written out: blocks and requests end, document credited, payment returned.

    Attributes:
        reason: one of ``CANCEL_REASONS``, or empty: a site that asks why is told it.
    """

    word: ClassVar[str] = "cancel"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reverse(Step):
    """Reverse a sale of which anything is written out: goods back, document credited, payment returned.

    Goods of which a refund said that they do not come back stay away.
    """

    word: ClassVar[str] = "reverse"


@dataclass(frozen=True, slots=True)
class Refund(Step):
    """Refund a part of the sale, once for each id.

    The part of the document is credited, and what is then paid too much is returned. Goods that are not written out
    yet are not issued any more; goods that are come back if ``restock``.

    Attributes:
        refund_id: the platform's id of the refund; unique in the sale.
        total: minor units with tax; this is what is given back, whatever the lines add up to.
        lines: by line, as far as the refund says; empty: by amount alone.
    """

    word: ClassVar[str] = "refund"
    told_by: ClassVar[str] = "refund_id"
    needs: ClassVar[frozenset[str]] = frozenset({"rewrite"})
    refund_id: str
    total: int
    lines: tuple[RefundedLine, ...] = ()
    restock: bool = True


@dataclass(frozen=True, slots=True)
class WithdrawRefund(Step):
    """Take a refund back as if it never was: its credit, what was returned by it, and the goods that came back."""

    word: ClassVar[str] = "withdraw_refund"
    told_by: ClassVar[str] = "refund_id"
    refund_id: str


@dataclass(frozen=True, slots=True)
class StepResult:
    """What became of a step.

    Attributes:
        key: the step's.
        changed: whether it changed anything; False where it was so already, or was refused.
        waiting: an outside ERP was asked for it and has not answered yet; nothing else is known then.
        code: why it was refused, a code of ``chansync.model.message.CODES``; empty where it is done.
        sentence: that, for people; empty also where it was not tried because a step that it needs was refused.
        ref, number, is_new_customer, warnings: of a recorded sale.
        number: also of an issued document.
        amount: what was paid, in minor units.
        missing: item code and pieces of what is requested now, of what was not there to be blocked (also when a refund
            is taken back), or of what keeps the goods from being written out.
    """

    key: str
    changed: bool = False
    code: str = ""
    sentence: str = ""
    ref: str = ""
    number: str = ""
    is_new_customer: bool = False
    warnings: tuple[str, ...] = ()
    amount: int = 0
    missing: tuple[tuple[str, int], ...] = ()
    waiting: bool = False

    @property
    def refused(self) -> bool:
        """Whether it was refused, or not tried."""
        return bool(self.code)
