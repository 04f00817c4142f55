"""What an outside ERP must offer: a company's own system, reached over a network.

An outside ERP shares no transaction with us, is slow, and fails on its own. So the core keeps a copy of its reference
data and of each sale's view, and writes the steps of a sale down before they are sent. ``Remote`` is what sends them.
All its methods work in batches, and know nothing of our database.

**Every call is idempotent.** It may be repeated (an answer was lost, a process died): a step whose work is done
already answers with the state that it finds and ``changed`` False. The core helps: it never asks for the same steps
twice at once, records the sales of one ERP in one batch at a time (two clients that record orders of one new buyer
would make two customers), and asks ``views`` before it sends again what it does not know to have arrived, never before
``settles_after`` has passed.

A connector raises only ``ErpError``; whatever else escapes is a bug of it and is reported as one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from chansync.model.errors import ChansyncError
from chansync.model.sale import SaleView
from chansync.model.steps import Step, StepResult

if TYPE_CHECKING:
    from chansync.erp.protocol import Embedded
    from chansync.model.parameter import Parameter


class ErpError(ChansyncError):
    """An outside ERP did not do what was asked of it.

    Attributes:
        undelivered: whether the call failed whatever it asked for, and nothing can have been done of it: no connection,
            no TLS, a wrong address, too many requests. What was asked can be sent again at once, and is not what is
            wrong. False where that is not known.
    """

    code = "erp_error"

    def __init__(self, sentence: str, *, code: str | None = None, undelivered: bool = False) -> None:
        super().__init__(sentence, code=code)
        self.undelivered = undelivered


class ErpUnavailable(ErpError):
    """A temporary failure, of the network or of a server that is busy: what was asked may have been done, unless it is
    ``undelivered``.

    Attributes:
        retry_after: seconds that the server asked to wait, if any.
    """

    code = "erp_unavailable"

    def __init__(
        self, sentence: str, *, code: str | None = None, retry_after: float | None = None, undelivered: bool = False
    ) -> None:
        super().__init__(sentence, code=code, undelivered=undelivered)
        self.retry_after = retry_after


class ErpRefused(ErpError):
    """The ERP refuses the whole call, and nothing of it was done: somebody must change something there or here."""

    code = "erp_refused"


class ErpRights(ErpRefused):
    """The user that we log in as may not do that, or cannot log in."""

    code = "erp_rights"


class ErpCapability(StrEnum):
    """What an ERP can do; what it cannot is refused when a channel is confirmed, and is greyed on screens."""

    BLOCK = "block"  # goods are reserved for a sale
    REQUEST = "request"  # what is missing can be requested
    DOCUMENTS = "documents"  # financial documents are issued by our step, not only by people there
    DOCUMENT_TYPES = "document_types"  # there is more than one type of document
    PACKAGES = "packages"  # a sale is written out in several packages by our step, not only by people there
    LINE_REFUNDS = "line_refunds"  # a refund says which lines it gives back
    EDIT = "edit"  # an untouched sale can be rewritten
    STOCK = "stock"  # stock can be read
    SALE_TYPES = "sale_types"  # a sale has a type
    MERCHANTS = "merchants"  # a sale has a user of the ERP who is answerable for it
    ADMIN = "admin"  # reference data and stock are changed in our own commands and screens


@dataclass(frozen=True, slots=True)
class Finding:
    """What ``Remote.check`` found in the ERP.

    Attributes:
        word: ``ok``; ``warn`` for what works but should be changed; ``bad`` for what keeps sales from being recorded.
        sentence: that, for people, with what to do there.
    """

    word: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ErpIdentity:
    """What ``Remote.check`` found.

    Attributes:
        title: the company and database, for people.
        version: of the ERP, for people.
        connected_as: how and as whom, for people.
        findings: what was looked at, in the order in which it is to be mended.
        lacks: what this ERP cannot do of what its kind can: the capability, and why, as a sentence for people.
    """

    title: str
    version: str
    connected_as: str
    findings: tuple[Finding, ...] = ()
    lacks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReferenceRow:
    """A record of the ERP's reference data.

    Attributes:
        kind: as the ledger has it: ``pos``, ``warehouse``, ``user``, ``sale-type``, ``customer-type``,
            ``document-type``, ``payment-method``, ``delivery-method``, ``tax-transaction``, ``service``, ``item``.
        code: unique in its kind, or in its POS where ``protocol.belongs_to_pos`` says so.
        pos: the code of the POS that it belongs to; empty otherwise.
        gtin: of an item, as the ERP has it.
        data: what else the ledger's record of the kind has (``warehouse`` and ``currencies`` of a POS, ``rate`` of a
            tax transaction in percent, ``email`` of a user); JSON values.
    """

    kind: str
    code: str
    name: str
    pos: str = ""
    gtin: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReferencePage:
    """Some of the reference data.

    Attributes:
        cursor: where the next call goes on, as the ERP wants it; JSON values.
        complete: kinds of which every record was told by this page and those before it of the same read: what is known
            of them and was not told is gone.
        last: whether there is no more.
    """

    rows: tuple[ReferenceRow, ...]
    cursor: Mapping[str, Any]
    complete: frozenset[str] = frozenset()
    last: bool = False


@dataclass(frozen=True, slots=True)
class SaleSteps:
    """What shall be done with one sale, in that order.

    Attributes:
        key: the sale's idempotency key.
        pos: the code of its POS.
        ref: the ERP's own reference of it; empty before it is recorded.
    """

    key: str
    pos: str
    steps: tuple[Step, ...]
    ref: str = ""


@dataclass(frozen=True, slots=True)
class SaleAnswer:
    """What became of the steps of one sale.

    Attributes:
        results: one for each step. One that is refused stops those that need it (``Step.needs``); their code is
            ``not_tried``.
        view: the sale as it is now; None where there is none.
        error: what stopped the work of this sale midway, so that it is not known what was done; the results are then
            those of the steps that are known to be done. None otherwise.
    """

    key: str
    results: tuple[StepResult, ...]
    view: SaleView | None
    error: ErpError | None = None


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """Sales that have changed in the ERP, whoever changed them, and items whose stock has.

    Attributes:
        views: each changed sale that carries a key of ours, as it is now.
        items: codes of items whose stock or needs may have changed.
        cursor: what to ask with next; stored only once all of the page is.
    """

    views: tuple[SaleView, ...]
    items: frozenset[str]
    cursor: Mapping[str, Any]
    last: bool = False


class Remote(Protocol):
    """A connection to one outside ERP.

    Attributes:
        settles_after: seconds after which nothing that was sent is still being worked on there.
        batch: how many sales at most ``apply`` is given at once.
    """

    settles_after: float
    batch: int

    async def check(self) -> ErpIdentity:
        """Log in, and look at everything that synchronization needs of the ERP.

        Raises:
            ErpError: it cannot be reached, or does not let us in.
        """
        ...

    def reference(self, cursor: Mapping[str, Any]) -> AsyncIterator[ReferencePage]:
        """The reference data: all of it for an empty cursor, what has changed since otherwise (or all of it again)."""
        ...

    async def find_items(self, keys: Sequence[tuple[str, str]]) -> list[ReferenceRow]:
        """The items and services with one of those SKUs or GTINs, each pair of which is of one thing."""
        ...

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        """Carry out the steps of each sale; an answer for each. What one sale is refused keeps no other back.

        Raises:
            ErpUnavailable: nothing is known of what was done, unless it is ``undelivered``.
            ErpRefused: nothing was done, of any of the sales.
        """
        ...

    async def views(self, keys: Sequence[str]) -> dict[str, SaleView]:
        """The sales of those keys as they are now; what is not there is left out."""
        ...

    def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[ChangesPage]:
        """What has changed since the cursor; an empty one begins now. A change may be told more than once, but is never
        left out."""
        ...

    async def stock(self, warehouses: Sequence[str], items: Sequence[str] | None = None) -> dict[str, int]:
        """Item code → pieces on hand less what is reserved, summed over the warehouses; of those items, else of all."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...


@dataclass(frozen=True, slots=True)
class ErpSettings:
    """What a ``Remote`` is made from.

    Attributes:
        code: the name of this ERP among those that are connected.
        values: its parameters by name, secrets opened.
        facts: what an earlier ``check`` learned; JSON values.
    """

    code: str
    values: Mapping[str, Any]
    facts: Mapping[str, Any] = field(default_factory=dict)


class ErpKind(Protocol):
    """A kind of ERP. A package offers one by the entry-point group ``chansync.erps``.

    Attributes:
        kind: its name in the entry-point group.
        label: its name for people.
        parameters: what somebody enters to connect one; none of an embedded ERP.
        capabilities: what it can do.
        not_possible: parameter of a channel → why this kind of ERP cannot do what it asks for, as a sentence.
        embedded: the ERP itself where it lives in our own database; None of an outside one.
    """

    kind: str
    label: str
    parameters: tuple[Parameter, ...]
    capabilities: frozenset[ErpCapability]
    not_possible: Mapping[str, str]
    embedded: Embedded | None

    def connect(self, settings: ErpSettings) -> Remote:
        """A connection with those settings; nothing is sent yet. Only of an outside ERP."""
        ...
