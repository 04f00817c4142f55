"""What a platform must offer.

Words: a *platform* is a kind of outside system (WooCommerce); a *connector* is one channel's connection to its
site. A connector reads and writes the site and knows nothing of the database or the ERP. It raises only
``chansync.model.errors.SiteError`` (with a sentence for people) for what goes wrong at the site; whatever
else escapes is a bug of the connector and is reported as one.

A *cursor* is a JSON-able dict that only the connector understands. It comes with each page of orders and is
stored in the transaction that follows the page's last order, never earlier, so a killed process repeats at
most one page. *Facts* are a JSON-able dict of what a connector learned about its site (address form, way of
signing, time zone, what it refuses) and wants to be given back at the next connect.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from chansync.http.traffic import Traffic
from chansync.model.errors import SiteError
from chansync.model.order import Order, Refund, UnreadableOrder
from chansync.model.parameter import Parameter
from chansync.model.returns import SiteReturn
from chansync.model.settlement import Settlement
from chansync.platforms.system import SystemSettings


class Capability(StrEnum):
    """What a platform can do; the form hides what does not apply."""

    CHANNEL_CREDENTIALS = "channel_credentials"  # address and keys belong to the channel, not to the system
    SYSTEM_CREDENTIALS = "system_credentials"  # the system has keys of its own and can be connected to
    SITE_SENDS = "site_sends"  # the platform keeps stock of ours and sends some orders itself
    CONFIRM_SHIPMENTS = "confirm_shipments"  # a shipment is told with its carrier and tracking number
    COMPARE = "compare"  # orders can vanish from the site, and all of them can be listed cheaply
    NUMBER_KEYS = "number_keys"  # tax numbers stand under names that differ from site to site
    FREE_STATUSES = "free_statuses"  # any of the site's statuses can be set by us
    LIST_ITEMS = "list_items"  # all that the site sells can be listed cheaply
    TELL_TRACKING = "tell_tracking"  # tracking numbers are told apart from statuses
    PUSH_STATUSES = "push_statuses"
    PUSH_QUANTITIES = "push_quantities"
    HIDE_ITEMS = "hide_items"
    WEBHOOKS = "webhooks"  # the site can tell us at once that an order is new or changed
    SETTLEMENTS = "settlements"  # the platform takes the money and pays it out later, less its fees
    RETURNS = "returns"  # what buyers send back is told apart from refunds
    COUNTS_ONLY = "counts_only"  # stock is told as a number of pieces, never as there or not there


@dataclass(slots=True)
class ConnectorSettings:
    """What a connector is made from.

    Attributes:
        values: the channel's parameters by name, secrets opened.
        facts: what an earlier connector of this channel learned; empty at first.
    """

    channel_code: str
    values: Mapping[str, Any]
    facts: dict[str, Any] = field(default_factory=dict)
    system: SystemSettings = field(default_factory=SystemSettings)


@dataclass(slots=True)
class SiteIdentity:
    """What ``check`` found.

    Attributes:
        may_write: whether the key may write; None when that cannot be told without writing.
        connected_as: how it connects, for people: ``"HTTPS, Basic authentication"``.
        time_zone: hours east of UTC, for ``start_date``.
        notes: sentences worth knowing (an outdated version, a redirect that was followed).
    """

    title: str
    version: str
    address: str
    connected_as: str
    may_write: bool | None
    currency: str
    time_zone: float
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class SystemIdentity:
    """What ``check_system`` found.

    Attributes:
        title: whose account it is, for people.
        connected_as: how it connects, for people.
        places: where the account sells; each is what a channel's ``store_domain`` may be.
        notes: sentences worth knowing.
    """

    title: str
    connected_as: str
    places: list[LookupValue]
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class LookupValue:
    """A status, payment method, delivery method… of the site.

    Attributes:
        paid_status: of a payment method: the status at which its orders are paid, where that is not the usual one.
    """

    code: str
    title: str
    enabled: bool = True
    paid_status: str = ""


@dataclass(slots=True)
class Lookups:
    """What a site can tell about itself. A list that could not be read is None: what is known is then kept.

    Attributes:
        usual: parameter name → codes that a new channel is preselected with
            (``{"order_statuses": ["processing", "completed"], …}``).
    """

    order_statuses: list[LookupValue] | None = None
    payment_methods: list[LookupValue] | None = None
    delivery_methods: list[LookupValue] | None = None
    currencies: list[LookupValue] | None = None
    tax_classes: list[LookupValue] | None = None
    api_versions: list[LookupValue] | None = None
    usual: dict[str, list[str] | str] = field(default_factory=dict)


@dataclass(slots=True)
class OrderPage:
    """Some orders, oldest change first, and the cursor that may be stored once all of them are taken in.

    Attributes:
        expected: how many orders the whole pull will bring, as far as the site says; None when unknown.
        last: whether the pull ends with this page.
        notes: sentences for the message log (a fallback was taken, a filter was dropped).
        news_for: other places of the system for which something new was found on the way: their channels are pulled
            next.
    """

    orders: list[Order | UnreadableOrder]
    cursor: dict[str, Any]
    expected: int | None = None
    last: bool = False
    notes: list[str] = field(default_factory=list)
    news_for: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A status that an order shall get.

    Attributes:
        known: the status that the order was last known in; what else changed since is told by comparing with it.
        carrier, tracking: how the goods travel, of a sale that is written out; empty where nobody said.
        shipped_at: UTC milliseconds of when they left; None for a sale that is not written out.
        reason: of a cancellation, one of ``chansync.model.steps.CANCEL_REASONS``; empty where nobody said.
        sale: the number of the order's sale, for sentences that name it; empty where there is none.
    """

    external_id: str
    status: str
    known: str
    carrier: str = ""
    tracking: str = ""
    shipped_at: int | None = None
    reason: str = ""
    sale: str = ""


@dataclass(frozen=True, slots=True)
class TrackingChange:
    """How an order's goods travel, for the site.

    Attributes:
        replaces: the tracking number that it was told of them before.
        package: the number of the package, from 1 on, where they leave in several; 0: all of them together.
        lines: what that package holds: the site's id of each line, and how many pieces.
        shipped_at: when that package left, UTC milliseconds.
        told: every tracking number that the site may have been told of the order's packages.
        sale: the number of the order's sale, for sentences that name it; empty where there is none.
    """

    external_id: str
    carrier: str
    tracking: str
    replaces: str = ""
    package: int = 0
    lines: tuple[tuple[str, int], ...] = ()
    shipped_at: int | None = None
    told: frozenset[str] = frozenset()
    sale: str = ""


@dataclass(frozen=True, slots=True)
class SiteItem:
    """What a site sells under one of its ids, as it is there now.

    Attributes:
        parent_id: of a variation, the product that it is one of; empty otherwise.
        quantity: pieces; None where the site does not count them.
        visibility: the site's own word for how it is shown; ``shown`` says whether customers find it at all.
        gtin: as the site writes it; empty where it tells none.
        counted: whether the site keeps its stock in pieces by itself, and not only whether there is any.
    """

    sku: str
    site_id: str
    parent_id: str
    quantity: int | None
    in_stock: bool
    visibility: str
    shown: bool
    gtin: str = ""
    counted: bool = False


@dataclass(frozen=True, slots=True)
class QuantityChange:
    """What an item of the site shall be.

    Attributes:
        quantity: pieces, not below zero; None: say only whether it is in stock.
        visibility: the word of ``SiteItem.visibility`` to show it by again; empty leaves it as it is.
        hide: take it off the site; ``visibility`` is then empty.
    """

    site_id: str
    parent_id: str
    in_stock: bool
    quantity: int | None = None
    visibility: str = ""
    hide: bool = False


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of one change.

    Attributes:
        target: the order's or item's id on the site.
        error: a sentence on why the site does not have it now; empty: it does.
        final: with an error: trying again is of no use, because the site will never have it.
        waiting: the site has taken it and does not show it yet: ask again with the same change.
        order: the order as the site has it after a status was set.
        digest_before: the digest that this order would have with the status of ``StatusChange.known``: equal to the
            one that was kept, nothing but the status is new.
    """

    target: str
    error: str = ""
    order: Order | None = None
    digest_before: str = ""
    waiting: bool = False
    final: bool = False


@dataclass(frozen=True, slots=True)
class UnreadableSettlement:
    """A settlement that the connector could not read, by the id of its report."""

    report: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Headline:
    """Which order there is on the site, and how it stands; without an id one that the site does not name.

    Attributes:
        total, refunds: None where the site's list does not tell them.
    """

    external_id: str
    number: str
    status: str
    total: Decimal | None = None
    refunds: tuple[Refund, ...] | None = None


@dataclass(frozen=True, slots=True)
class SiteWebhook:
    """A webhook at the site: what it calls us for, and where.

    Attributes:
        topic: the site's word for the event: ``order.created``.
        site_id: its id at the site; empty: it is not there.
        state: ``active``, ``paused`` (by a person at the site), ``disabled`` (by the site, after deliveries that
            failed), or ``missing``.
    """

    topic: str
    site_id: str
    url: str
    state: str


class Connector(Protocol):
    """One channel's connection to its site. Used by one task at a time, except where said otherwise."""

    @property
    def facts(self) -> dict[str, Any]:
        """What to remember for the next connect."""

    @property
    def traffic(self) -> Traffic:
        """Counters for the run's record."""

    @property
    def status_batch(self) -> int:
        """Of how many orders at a time ``statuses`` and ``push_statuses`` are asked, at most 100."""

    @property
    def quantity_batch(self) -> int:
        """How many changes ``push_quantities`` is given at a time."""

    async def check(self) -> SiteIdentity:
        """Find the site, prove the credentials, and say who it is.

        Raises:
            SiteError: with a sentence that says what is wrong and what to do.
        """

    async def lookups(self) -> Lookups:
        """Pull what the site can tell about itself."""

    def orders(self, cursor: dict[str, Any] | None, start: date | None) -> AsyncGenerator[OrderPage, None]:
        """Every order that changed since ``cursor``, in pages, oldest change first.

        With no cursor: from ``start`` (a day in the site's time) on; with neither: everything. Orders that
        were placed before ``start`` may be among them; the caller selects. Pages are fetched ahead while the
        caller works on earlier ones, at most a few, so that memory does not grow. The second page is fetched only when
        the caller asks for it: the first may be empty, so that the caller can wait for its turn after it.
        An order may come twice; none is left out, also when orders change during the pull. Nothing new is one request.
        """

    async def order(self, external_id: str) -> Order | UnreadableOrder | None:
        """One order by the platform's id, or None when the site does not have it."""

    async def find(self, number: str) -> Order | UnreadableOrder | None:
        """One order by the number that people know it by, else by the platform's id; None where there is neither."""

    async def several(self, external_ids: list[str]) -> list[Order | UnreadableOrder]:
        """Up to 100 orders by the platform's ids in one request; those that the site does not have are left out."""

    def headlines(self, since: date) -> AsyncGenerator[list[Headline], None]:
        """Every order that was placed from that day (site time) on and is not in the trash, cheaply; for comparing.

        One that is missing while orders leave the list may be there all the same: look at it once more.
        """

    def read(self, raw: dict[str, Any]) -> Order | UnreadableOrder:
        """An order from the platform's data as it was kept earlier (``Order.raw``); no I/O."""

    async def refunds(self, orders: list[Order]) -> Sequence[list[Refund] | SiteError]:
        """Each order's refunds with their lines, in the order of ``orders``; the error in the place of those that the
        site fails at while it tells others. May be called while pages are fetched."""

    async def statuses(self, external_ids: list[str]) -> dict[str, str]:
        """The orders' statuses as they are now, by id; those that the site does not have are left out.

        For an order that the site fails at it is a placeholder that is no real status, so that setting it is an error.
        """

    async def push_statuses(self, changes: list[StatusChange]) -> list[PushResult]:
        """Set statuses, as many as the site takes in one request; a result for each change, in their order.

        A status that the site does not have is an error of its change and is not sent. A request that fails is not
        repeated here: whether it took effect is told by ``statuses``.

        Raises:
            SiteError: the site failed; some of the changes may have taken effect.
        """

    async def push_tracking(self, changes: list[TrackingChange]) -> list[PushResult]:
        """Tell how goods travel; a result for each change, in their order. What the site has already is not told again.

        Only with ``TELL_TRACKING``, or with ``CONFIRM_SHIPMENTS`` of packages.
        """

    async def items(self, skus: list[str]) -> list[SiteItem]:
        """Everything that the site sells under these SKUs; variations too. Those that differ from them only in
        capital and small letters may be among it."""

    async def items_by_gtin(self, gtins: list[str]) -> list[SiteItem]:
        """Everything that the site sells under these GTINs, however it writes them; nothing where it knows none."""

    def all_items(self) -> AsyncIterator[list[SiteItem]]:
        """Everything that the site sells, in pages; asked only where the platform has ``Capability.LIST_ITEMS``."""

    async def items_by_id(self, site_ids: list[str]) -> list[SiteItem]:
        """The same by the site's ids; those that it does not have are left out."""

    async def push_quantities(self, changes: list[QuantityChange]) -> list[PushResult]:
        """Set stock, and take items off the site or put them back; a result for each change, in their order.

        Doing it again does no harm, and passing trouble is waited out by it.

        Raises:
            SiteError: the site failed; some of the changes may have taken effect.
        """

    def settlements(self, known: Collection[str]) -> AsyncGenerator[Settlement | UnreadableSettlement, None]:
        """What the seller was paid out, oldest first, but for the reports that are ``known``; asked only where the
        platform has ``Capability.SETTLEMENTS``."""

    def returns(self) -> AsyncGenerator[list[SiteReturn], None]:
        """What buyers send back, as far as the site tells it now; asked only where the platform has
        ``Capability.RETURNS``. What is yielded is kept before the next is asked for."""

    async def aclose(self) -> None:
        """Close connections; harmless when called twice."""


async def not_asked(*_: Any) -> AsyncGenerator[Any, None]:
    """What a connector has in place of a method that is asked only with a capability that its platform lacks."""
    return
    yield


@runtime_checkable
class CountsOrders(Protocol):
    """A connector that can say by a small request how many orders there are."""

    async def count_since(self, day: date) -> int:
        """How many orders were placed from that day on.

        Raises:
            SiteError: the site failed.
        """


@runtime_checkable
class WebhookConnector(Protocol):
    """What the connectors of a platform with ``Capability.WEBHOOKS`` have beside the methods of ``Connector``."""

    @property
    def webhook_topics(self) -> tuple[str, ...]:
        """The events of which orders' webhooks are wanted."""

    async def webhooks(self) -> list[SiteWebhook]:
        """The webhooks of these topics at the site, whoever made them."""

    async def put_webhook(self, webhook: SiteWebhook, secret: str) -> SiteWebhook:
        """Make the webhook, or (with its ``site_id``) set its address and secret anew; it is then active."""

    async def drop_webhook(self, site_id: str) -> None:
        """Delete a webhook; one that is gone already counts as deleted."""


class Deliveries(Protocol):
    """How a platform's deliveries are read, for a platform with ``Capability.WEBHOOKS``; no I/O."""

    @property
    def signature_header(self) -> str:
        """The header that holds a delivery's signature, in lower case."""

    def signature(self, header: str) -> bytes | None:
        """The digest in that header; None where it holds none."""

    def mac(self, secret: str) -> hmac.HMAC:
        """What computes the digest from the chunks of the raw body."""

    def order_id(self, start: bytes) -> str | None:
        """The platform's id of the order that a body with this beginning is about; None where it names none."""

    def is_ping(self, body: bytes) -> bool:
        """Whether an unsigned body is what the site sends when a webhook is made."""


class Platform(Protocol):
    """A kind of outside system, as registered under the entry-point group ``chansync.platforms``."""

    @property
    def kind(self) -> str:
        """The word in the database and on the command line: ``woocommerce``."""

    @property
    def label(self) -> str:
        """The name for people: ``WooCommerce``."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it can do."""

    @property
    def fixed_values(self) -> Mapping[str, str]:
        """Channel parameters that may hold nothing else than this, or nothing: ``{"status_cancelled": "CANCELLED"}``.

        A platform without it fixes none.
        """

    @property
    def paid_statuses(self) -> Mapping[str, str]:
        """The status at which a payment method's orders are paid, by its code, where that is not the usual one: it is
        proposed where such a method is mapped. A platform without it proposes none.
        """

    @property
    def system_needs(self) -> Mapping[str, str]:
        """Channel parameters that can be set only where the system has a value of this one of its own:
        ``{"push_quantities": "seller_id"}``. A platform without it has none.
        """

    @property
    def deliveries(self) -> Deliveries:
        """How deliveries of webhooks are read; only with ``Capability.WEBHOOKS``."""

    @property
    def system_parameters(self) -> tuple[Parameter, ...]:
        """The fields of its integration systems beside code, name and kind."""

    async def check_system(self, system: SystemSettings) -> SystemIdentity:
        """Prove the system's own keys and tell where it sells; only with ``SYSTEM_CREDENTIALS``.

        Raises:
            SiteError: with a sentence that says what is wrong and what to do.
        """

    def connect(self, settings: ConnectorSettings) -> Connector:
        """A connector for one channel; does no I/O yet.

        Raises:
            SiteRefused: the address is none, or a key is missing.
        """
