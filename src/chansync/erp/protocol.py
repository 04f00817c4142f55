"""What the core asks of any ERP: it views sales, carries out steps with them, and knows stock and reference data. A
company's own system, reached over a network, implements ``chansync.erp.remote`` instead.

An *embedded* ERP lives in the same SQLite file as everything else: its methods take the connection and work inside the
caller's transaction, so that a sale, its customer and the mark on its order are one commit. Reads may come outside a
transaction. The mirror of an outside ERP (``chansync.erp.outside``) looks like one to the core.

Entries are never overwritten: blocks, requests, documents, payments, refunds and stock. What is undone is undone by
another entry, and a sale's state is always derived from them. A sale's own row and lines are rewritten while it is
untouched, and later where no book depends on them; the old values are kept in its event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import apsw

from chansync.erp.entries import Entry
from chansync.model.errors import ChansyncError
from chansync.model.message import CODES
from chansync.model.sale import SaleView
from chansync.model.steps import Step, StepResult

if TYPE_CHECKING:
    from chansync.erp.papers import SalePapers


@dataclass(slots=True)
class PointOfSale:
    """A POS as far as an import needs it: where it takes goods from, and in which currencies it sells."""

    code: str
    warehouse: str
    currencies: frozenset[str]


class NumberTaken(ChansyncError):
    """Another sale has the number that the draft asks for."""

    code = "number_taken"


class NotPossible(ChansyncError):
    """The sale is not in a state in which that can be done."""

    code = "not_possible"


class NoDocument(ChansyncError):
    """A payment needs a financial document, and the sale has none."""

    code = "no_document"


class DocumentTypeMissing(ChansyncError):
    """Nothing says which type of financial document to issue."""

    code = "document_type_missing"


class MissingStock(ChansyncError):
    """The warehouse does not have what the sale needs.

    Attributes:
        missing: item code and how many pieces are missing.
    """

    code = "missing_stock"

    def __init__(self, sentence: str, missing: list[tuple[str, int]]) -> None:
        super().__init__(sentence)
        self.missing = missing


def belongs_to_pos(kind: str) -> bool:
    """Whether the codes of that kind of reference data are unique within their POS only."""
    return kind.replace("_", "-") in ("payment-method", "delivery-method")


class Reference(Protocol):
    """The ERP's reference data, by kind (``pos``, ``warehouse``, ``payment-method``, ``item`` …) and code.

    A kind may be written with ``_`` too.
    """

    def point_of_sale(self, db: apsw.Connection, code: str) -> PointOfSale | None:
        """The POS of that code, or None."""
        ...

    def item(self, db: apsw.Connection, sku: str, gtin: str) -> str | None:
        """The code of the item or service with that SKU, else with that GTIN however it is written
        (``chansync.model.gtin``), or None. Empty texts match nothing."""
        ...

    def tax_rate(self, db: apsw.Connection, tax_transaction: str) -> Decimal:
        """The rate of a tax transaction in percent; 0 where there is none of that code."""
        ...

    def codes(self, db: apsw.Connection, kind: str, *, pos: str | None = None) -> list[str]:
        """The codes of that kind in order; of payment and delivery methods just those of ``pos``, where it is given."""
        ...

    def exists(self, db: apsw.Connection, kind: str, code: str, *, pos: str | None = None) -> bool:
        """Whether there is one of that code (of that POS)."""
        ...

    def rows(self, db: apsw.Connection, kind: str, *, text: str = "", limit: int = -1) -> list[dict[str, Any]]:
        """The records of that kind by code, each with ``code`` and ``name`` at least, and ``pos`` where it belongs to
        one; ``text`` is looked for in code and name."""
        ...

    def get(self, db: apsw.Connection, kind: str, code: str) -> dict[str, Any]:
        """The record of that code.

        Raises:
            UsageError: there is none, or several POSs have one.
        """
        ...


class Answer(NamedTuple):
    """What an outside ERP has said of a step that it was asked for."""

    step: Step
    result: StepResult


class Embedded(Protocol):
    """An ERP in our own database, or the mirror of an outside one (``is_outside``).

    Attributes:
        code: its name among the ERPs: its kind where it lives in our database, else the code that it was connected by.
        is_outside: it only writes down what it is asked for, and answers later.
        reference: its reference data.
    """

    code: str
    is_outside: bool
    reference: Reference

    def apply(self, db: apsw.Connection, sale_key: str, steps: Sequence[Step]) -> list[StepResult]:
        """Carry out the steps with the sale of that key in their order, each whole or not at all (``each_whole``); a
        result for each. Call it inside the order's transaction."""
        ...

    def waiting(self, db: apsw.Connection, sale_key: str) -> Mapping[str, bool]:
        """The steps that were asked for of that sale and are not answered: word → whether it is on its way already."""
        ...

    def is_answered(self, db: apsw.Connection, sale_key: str) -> bool:
        """Whether a step was answered since the sale's order was decided on last."""
        ...

    def answers(self, db: apsw.Connection, sale_key: str, planned: Sequence[Step]) -> list[Answer]:
        """What was answered since the sale's order was decided on last, but for the steps that are planned now."""
        ...

    def wishes(self, db: apsw.Connection, sale_key: str) -> Sequence[Step]:
        """The steps with that sale that a person asked for and that were refused: each stands until it is done, the
        sale has ended, or a person asks for something else."""
        ...

    def settle(self, db: apsw.Connection, sale_key: str) -> None:
        """Mark all answers of that sale as used: its order was decided on with them. Call it inside the order's
        transaction."""
        ...

    def drop(self, db: apsw.Connection, sale_key: str) -> None:
        """What was asked for of that sale and not sent yet is void. Call it inside the order's transaction."""
        ...

    def view(self, db: apsw.Connection, sale_key: str) -> SaleView | None:
        """The sale of that key as it is now, or None."""
        ...

    def key_of(self, db: apsw.Connection, number: str) -> str | None:
        """The key of the sale of that number, or None."""
        ...

    def papers(self, db: apsw.Connection, sale_key: str) -> SalePapers | None:
        """All that there is of the sale of that key, for people, or None."""
        ...

    def stock(self, db: apsw.Connection, warehouses: Sequence[str]) -> dict[str, int]:
        """Item code → pieces on hand less what open sales still need, blocked or not, summed over the warehouses; every
        item of goods, 0 included."""
        ...

    def stock_changes(self, db: apsw.Connection, warehouses: Sequence[str], mark: int) -> tuple[set[str], int]:
        """The items whose stock, blocks or needs changed in those warehouses after that mark, and the new mark. 0 is
        before all of them."""
        ...

    def blockable(self, db: apsw.Connection, warehouse: str, items: Iterable[str]) -> set[str]:
        """Those of the items of which that warehouse has pieces that are not blocked."""
        ...

    def faults(self, db: apsw.Connection) -> list[str]:
        """Every fault of its books, as a sentence; empty when all is well. Reads one state of them."""
        ...

    def entries(self, db: apsw.Connection, what: str) -> Iterator[Entry]:
        """Its ``sales``, ``documents``, ``payments`` or ``stock`` for an export, in an order that stays."""
        ...


class ImmediateAnswers:
    """What an ERP in our own database has to say of steps that wait: it carries out each at once."""

    is_outside = False

    def waiting(self, db: apsw.Connection, sale_key: str) -> Mapping[str, bool]:
        """None."""
        return {}

    def is_answered(self, db: apsw.Connection, sale_key: str) -> bool:
        """Nothing is open."""
        return False

    def answers(self, db: apsw.Connection, sale_key: str, planned: Sequence[Step]) -> list[Answer]:
        """None."""
        return []

    def wishes(self, db: apsw.Connection, sale_key: str) -> Sequence[Step]:
        """None: who asks hears the refusal."""
        return ()

    def settle(self, db: apsw.Connection, sale_key: str) -> None:
        """There is nothing to note."""

    def drop(self, db: apsw.Connection, sale_key: str) -> None:
        """There is nothing to drop."""

    def entries(self, db: apsw.Connection, what: str) -> Iterator[Entry]:
        """None, of an ERP that has nothing to export."""
        return iter(())


def each_whole(
    db: apsw.Connection, sale_key: str, steps: Sequence[Step], perform: Callable[[Step], StepResult]
) -> list[StepResult]:
    """Carry out steps one after the other, each in a savepoint: for ``Embedded.apply``.

    A step that ``perform`` refuses by an error whose code the message log knows is undone. Steps that need it are not
    tried, and after a sale that cannot be recorded none is.
    """
    results: list[StepResult] = []
    refused: set[str] = set()
    for step in steps:
        if "record" in refused or step.needs & refused:
            refused.add(step.word)
            results.append(StepResult(step.key(sale_key), code="not_tried"))
            continue
        try:
            with db:
                results.append(perform(step))
        except ChansyncError as error:
            if error.code not in CODES:
                raise
            refused.add(step.word)
            missing = tuple(error.missing) if isinstance(error, MissingStock) else ()
            results.append(StepResult(step.key(sale_key), code=error.code, sentence=str(error), missing=missing))
    return results
