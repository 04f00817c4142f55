"""What mends each message: the one registry that ``chansync mend``, the screens and the reference page read.

``REMEDIES`` holds, for every code of ``model.message.CODES``, the remedies in the order in which they are offered. A
remedy is one of two things:

- ``command``: a command of chansync. ``{channel}``, ``{system}``, ``{order}``, ``{sale}`` and ``{message}`` are filled
  in from the message, and so is every text or number of its data (and of the first of its ``items``) by its name; a
  remedy whose command names what a message does not tell is not offered for it.
  ``{NAME}`` is what the person has to add: ``chansync mend MESSAGE REMEDY WORD…`` fills them in, in their order.
- ``perform``: a function ``(db, subject) -> sentence`` that decides something about the order in the name of
  ``subject.by``, in a transaction of its own. It raises ``UsageError`` where that is not possible (any more).
  ``chansync mend`` tries the order again afterwards, so that its problem closes by itself once nothing is left of it.

To add one: write the function where its matter lives (``orders/decisions.py``, say), and enter
``Remedy("accept", "Reverse the sale and make it again as the order is now.", perform=accept)`` under its code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import apsw

from chansync.model.channel import Channel
from chansync.model.channel_parameters import BY_NAME
from chansync.orders.decisions import DECISIONS, accept_difference, accept_reports, decide_on, withdraw
from chansync.store import channels, messages, orders
from chansync.store.messages import Message
from chansync.store.orders import OrderRow

_NAME = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a remedy is performed on.

    Attributes:
        channel, order: None where the message is about none.
        by: the name of the person who decides; empty where nothing is decided.
    """

    message: Message
    channel: Channel | None
    order: OrderRow | None
    by: str

    @property
    def told(self) -> dict[str, str]:
        """What the message, its channel and its order say, by name."""
        first = self.message.data.get("items")
        told = first[0] if isinstance(first, list) and first and isinstance(first[0], dict) else {}
        told = {**told, **self.message.data, "message": self.message.id}
        if self.channel is not None:
            told |= {"channel": self.channel.code, "system": self.channel.system.code}
        if self.order is not None:
            told["order"] = self.order.external_id
            if self.order.sale is not None:
                told["sale"] = self.order.sale.number
        return {name: str(value) for name, value in told.items() if isinstance(value, (str, int)) and value != ""}

    @property
    def values(self) -> dict[str, str]:
        """What a command can be filled in with."""
        # What a site calls its things must not be read as an option of the command.
        return {name: text for name, text in self.told.items() if not text.startswith("-")}


@dataclass(frozen=True, slots=True)
class Command:
    """A remedy's command for one message.

    Attributes:
        words: as they are typed.
        missing: what the person still has to add; these names stand in the words.
    """

    words: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Remedy:
    """One way to mend what a message tells; it has a ``command`` or ``perform``, never both.

    Attributes:
        name: what is typed: ``chansync mend MESSAGE NAME``; lower case, words joined by hyphens.
        sentence: what it does, for people.
        about: what the message must tell for it to be offered, beside what its command names.
    """

    name: str
    sentence: str
    command: str = ""
    perform: Callable[[apsw.Connection, Subject], str] | None = None
    about: str = ""

    @property
    def needs(self) -> set[str]:
        """What a message must tell for it to be offered: nothing can be mapped that has no code, say."""
        names = {name for name in _NAME.findall(self.command) if not name.isupper()}
        return names | {self.about} if self.about else names

    def command_for(self, subject: Subject, added: Sequence[str] = ()) -> Command:
        """The command, filled in from the message and with the words that a person added."""
        values, rest, missing = subject.values, list(added), []

        def fill(found: re.Match[str]) -> str:
            name = found[1]
            if name in values:
                return values[name]
            if rest:
                return rest.pop(0)
            missing.append(name.upper())
            return name.upper()

        words = [_NAME.sub(fill, word) for word in self.command.split()]
        return Command(words + rest, missing)


def subjects_of(db: apsw.Connection, message_ids: Iterable[int], by: str = "") -> list[Subject]:
    """What the messages of these ids are about, without those that are gone."""
    found = [message for each in message_ids if (message := messages.message(db, each))]
    # Reading a channel with its settings takes most of the time, and many messages are of few channels.
    of = {each: channels.channel_by_id(db, each) for each in {message.channel_id for message in found} if each}
    return [
        Subject(
            message, of.get(message.channel_id or 0),
            orders.by_id(db, message.order_id) if message.order_id is not None else None, by,
        )
        for message in found
    ]  # fmt: skip


def offered(*subjects: Subject) -> tuple[Remedy, ...]:
    """The remedies that can be performed on a message, or on each of several messages of one code.

    None for a code that only an earlier version knew.
    """
    if not subjects:
        return ()
    told = set[str].intersection(*(set(subject.told) for subject in subjects))
    return tuple(remedy for remedy in REMEDIES.get(subjects[0].message.code, ()) if remedy.needs <= told)


def _decisions(code: str) -> tuple[Remedy, ...]:
    """The remedies that decide something on the order; the next try of it carries that out."""

    def performer(action: str) -> Callable[[apsw.Connection, Subject], str]:
        return lambda db, subject: decide_on(db, subject.message.id, action, subject.by)

    return tuple(Remedy(action, sentence, perform=performer(action)) for action, sentence in DECISIONS[code].items())


def _accept(db: apsw.Connection, subject: Subject) -> str:
    return accept_reports(db, subject.channel, subject.message.code, subject.by)


def _set(name: str) -> Remedy:
    sentence = f"Set the channel's field '{BY_NAME[name].label}'."
    return Remedy(f"set-{name.replace('_', '-')}", sentence, f"chansync channel set {{channel}} {name}={{VALUE}}")


_RETRY = Remedy("retry", "Try it again now.", "chansync retry --message {message}")
_SYNC = Remedy("sync", "Sync the channel now.", "chansync sync {channel}")
_FETCH = Remedy("fetch", "Fetch the order again as it is on the site now.", "chansync sync {channel} --order {order}")
_SOLVE = Remedy(
    "solve",
    "Mark the message as solved: it was mended by hand, or nothing needs to be done.",
    "chansync solve {message}",
)
_TEST = Remedy("test", "Connect to the site and say how it answers.", "chansync channel test {channel}")
_KEYS = Remedy("enter-keys", "Enter a secret of the channel again.", "chansync channel set {channel} {FIELD}=-")
_SYSTEM_KEYS = Remedy(
    "enter-system-keys", "Enter a secret of the integration system again.", "chansync system set {system} {FIELD}=-"
)
_REPORT = Remedy("show", "Show the message with its data, to be reported.", "chansync log show {message}")
_WHY = Remedy("why", "Say how the order and its sale stand.", "chansync why {channel} {order}")
_SALE = Remedy("sale", "Show the sale.", "chansync erp sale {sale}")
_CANCEL = Remedy("cancel", "Cancel the sale, which is not written out.", "chansync erp cancel {sale}")
_REVERSE = Remedy(
    "reverse", "Reverse the sale, which is written out: its goods come back.", "chansync erp reverse {sale}"
)
_SET_STOCK = Remedy(
    "set-stock",
    "Enter what is in the warehouse.",
    "chansync erp stock set {ITEM} {QUANTITY} --warehouse {WAREHOUSE}",
)
_WEBHOOKS = Remedy("webhooks", "Set the webhooks at the site anew.", "chansync sync {channel} --lookups")
_DOCTOR = Remedy("doctor", "Look everything over again.", "chansync doctor")
_SETTLEMENTS = Remedy("read", "Read the settlements again now.", "chansync sync {channel} --settlements")
_OWN_SERIES = Remedy(
    "own-series",
    "Number the channel's sales by the POS's own series.",
    "chansync channel set {channel} external_sale_number=no",
)

_TEST_ERP = Remedy("test-erp", "Connect to the ERP and say how it answers.", "chansync erp test {erp}")
_RETRY_ERP = Remedy("retry-erp", "Send what waits for the ERP now.", "chansync erp retry {erp}")

_WITHDRAW = Remedy(
    "withdraw",
    "Do not ask the ERP again for what a person asked for.",
    perform=lambda db, subject: withdraw(db, subject.order.sale if subject.order else None),
    about="asked",
)

#: Code of a message → its remedies, in the order in which they are offered.
REMEDIES: dict[str, tuple[Remedy, ...]] = {
    "item_unknown": (
        Remedy("map", "Map the site's item to one of the ERP's.", "chansync map item {channel} {map}={ITEM}"),
        Remedy("add-item", "Create the item in the ERP.", "chansync erp add item {sku} name={name}"),
        _RETRY,
    ),
    "payment_unmapped": (
        Remedy("map", "Map it to a payment method of the POS.", "chansync map payment {channel} {site_code}={METHOD}"),
        Remedy("set-gift-card-payment-method", "Set the channel's payment method for gift cards and store credit.",
               "chansync channel set {channel} {parameter}={VALUE}"),
        _RETRY,
    ),
    "delivery_unmapped": (
        Remedy("map", "Map it to a delivery method of the POS.",
               "chansync map delivery {channel} {site_code}={METHOD}"),
        _set("delivery_method"),
        _RETRY,
    ),
    "currency_not_allowed": (
        Remedy("allow", "Set the currencies that the POS sells in, separated by commas.",
               "chansync erp set pos {pos} currencies={CURRENCIES}"),
        _RETRY,
        _SOLVE,
    ),
    "currency_missing": (_set("currency"), _RETRY),
    "total_mismatch": (
        Remedy(
            "accept",
            "Accept the difference: it becomes a line of the channel's adjustment_service, with your name.",
            perform=lambda db, subject: accept_difference(db, subject.message.order_id, subject.by),
        ),
        _set("adjustment_service"),
        _FETCH,
        _WHY,
        _RETRY,
    ),
    "tax_contradiction": (
        Remedy("map", "Map the tax transaction that is right for such orders.",
               "chansync map tax {channel} {case}={TRANSACTION}"),
        _FETCH,
        _WHY,
        _RETRY,
    ),
    "tax_unmapped": (
        Remedy("map", "Map a tax transaction for tax that the marketplace collects.",
               "chansync map tax {channel} {case}={TRANSACTION}"),
        _RETRY,
    ),
    "payment_withdrawn": (
        Remedy("refund", "Refund what was taken back.", "chansync erp refund {sale} --amount {AMOUNT}"),
        _CANCEL,
        _REVERSE,
        _FETCH,
        _RETRY,
        _SOLVE,
    ),
    "return_order": (
        _SALE,
        Remedy("pay", "Record that the buyer got the money.", "chansync erp pay {sale}"),
        _WHY,
    ),
    "service_missing": (
        Remedy("set-service", "Set the channel's service for it.",
               "chansync channel set {channel} {parameter}={VALUE}"),
        _RETRY,
    ),
    "warehouse_missing": (_set("fba_warehouse"), _RETRY),
    "secret_expiring": (_SYSTEM_KEYS, Remedy("test", "Sign in with it.", "chansync system test {system}"), _SOLVE),
    "number_taken": (_OWN_SERIES, _FETCH, _RETRY),
    "channel_incomplete": (
        Remedy("set", "Fill in a field of the channel.", "chansync channel set {channel} {FIELD}={VALUE}"),
        Remedy("show-fields", "Show the channel's fields.", "chansync channel show {channel}"),
        _SYNC,
    ),
    "only_problems": (
        Remedy("list", "List what the orders lack.", "chansync log --open --channel {channel}"),
        _SYNC,
    ),
    "disk_low": (
        _DOCTOR,
        Remedy("sync", "Sync every channel once there is room.", "chansync sync"),
        Remedy("clean", "Delete what is older than the database keeps it.", "chansync db prune"),
    ),
    "backup_failed": (
        Remedy("backup", "Make the backup now.", "chansync db backup {folder} --keep {keep}"),
        Remedy("elsewhere", "Make one in another folder.", "chansync db backup {FOLDER}"),
        _DOCTOR,
    ),
    "order_unreadable": (_FETCH, _RETRY, _SOLVE),
    "refunds_unreadable": (
        _RETRY,
        Remedy("refund", "Record the money that the order says was refunded, once also if the site gives more later.",
               "chansync erp refund {sale} --amount {amount} --key {refund}"),
        _FETCH,
        _SOLVE,
    ),
    "order_gone": (_CANCEL, _REVERSE, _FETCH, _SOLVE),
    "order_changed": (*_decisions("order_changed"), _WHY, _SALE),
    "order_returned": (*_decisions("order_returned"), _WHY),
    "order_is_another": (*_decisions("order_is_another"), _WHY),
    "refund_unclear": (*_decisions("refund_unclear"), _FETCH),
    "refund_withdrawn": (*_decisions("refund_withdrawn"), _FETCH),
    "return_announced": (*_decisions("return_announced"), _REVERSE, _WHY, _SALE),
    "settlement_unreadable": (
        _SETTLEMENTS,
        Remedy("leave-out", "Leave out for good what cannot be read now, with your name; it can be taken in again.",
               perform=_accept),
        Remedy("show", "List the reports that cannot be read.", "chansync erp settlements --unread"),
    ),
    "settlement_wrong_sum": (
        Remedy("show", "List the settlements with their sums.", "chansync erp settlements"),
        Remedy("accept", "Accept them with the sums that they have, with your name.", perform=_accept),
    ),
    "settlement_unmatched": (
        Remedy("fetch", "Fetch the first of the orders.", "chansync sync {channel} --order {order_number}"),
        Remedy("accept", "Accept them without orders, with your name.", perform=_accept),
        _SETTLEMENTS,
    ),
    "returns_unmatched": (
        Remedy("fetch", "Fetch the first of the orders.", "chansync sync {channel} --order {order_number}"),
        Remedy("accept", "Accept them without orders, with your name.", perform=_accept),
        Remedy("read", "Read the returns again now.", "chansync sync {channel} --returns"),
    ),
    "settlement_differs": (*_decisions("settlement_differs"), _FETCH, _WHY, _SALE),
    "prices_missing": (*_decisions("prices_missing"), _FETCH),
    "cancel_wished": (
        Remedy("cancel", "Cancel the sale for the buyer; the site is told.",
               "chansync erp cancel {sale} --reason buyer"),
        Remedy("write-out", "Send the goods all the same.", "chansync erp write-out {sale}"),
        _FETCH,
    ),
    "order_unfulfillable": (_CANCEL, _REVERSE, _FETCH),
    "ship_by_near": (
        Remedy("write-out", "Write the sale out, with how it travels.",
               "chansync erp write-out {sale} --carrier {CARRIER} --tracking {TRACKING}"),
        _CANCEL,
        _FETCH,
    ),
    "missing_stock": (
        _SET_STOCK,
        Remedy("allow-negative", "Let a POS's stock go below zero.", "chansync erp set pos {POS} negative_stock=yes"),
        _RETRY,
        _WITHDRAW,
    ),
    "blocked_in_part": (
        _SET_STOCK,
        Remedy("release", "Let the sale go without a block.", "chansync erp release {sale}"),
        _RETRY,
    ),
    "no_document": (
        Remedy("issue", "Issue the sale's document.", "chansync erp issue {sale}"),
        Remedy("issue-on-payment", "Issue documents whenever a payment is due.",
               "chansync channel set {channel} issue_document_on_payment=yes"),
        _RETRY,
        _WITHDRAW,
    ),
    "document_type_missing": (_set("document_type"), _RETRY, _WITHDRAW),
    "not_possible": (_SALE, _WHY, _RETRY, _WITHDRAW, _SOLVE),
    "tax_unknown": (_RETRY, _FETCH, _WHY),
    "erp_refused": (_RETRY, _WITHDRAW, _WHY, _TEST_ERP),
    "erp_rights": (
        _TEST_ERP,
        Remedy("enter-erp-key", "Enter a secret of the ERP again.", "chansync erp change {erp} {FIELD}=-"),
        _RETRY_ERP,
        _WITHDRAW,
    ),
    "erp_unavailable": (_RETRY_ERP, _TEST_ERP),
    "erp_bug": (_REPORT, _RETRY_ERP, _SOLVE),
    "erp_value_vanished": (
        Remedy("set", "Choose another value.", "chansync channel set {channel} {FIELD}={VALUE}"),
        Remedy("lookups", "Read the ERP's reference data again.", "chansync erp lookups {erp}"),
    ),
    "import_bug": (_REPORT, _RETRY, _SOLVE),
    "site_unavailable": (_RETRY, _TEST),
    "site_refused": (_TEST, _KEYS, _RETRY),
    "site_bug": (_REPORT, _RETRY, _SOLVE),
    "secret_unreadable": (_KEYS, _SYSTEM_KEYS, _RETRY),
    "notice_failed": (
        Remedy("test", "Send a test to everybody who is told.", "chansync notices test"),
        Remedy("show-settings", "Show how notices are sent.", "chansync notices show"),
        Remedy("set", "Change how notices are sent.", "chansync notices set {SETTING}={VALUE}"),
    ),
    "clock_doubtful": (_DOCTOR, _SOLVE),
    "customer_ambiguous": (
        Remedy("merge", "Make one of the two customers.", "chansync erp merge-customers {KEPT} {OTHER}"),
        _SALE,
    ),
    "tax_number_invalid": (_FETCH, _SALE),
    "status_unknown": (
        Remedy("lookups", "Ask the site for its statuses again.", "chansync sync {channel} --lookups"),
        Remedy("take", "Set the statuses whose orders are taken, separated by commas.",
               "chansync channel set {channel} order_statuses={STATUSES}"),
    ),
    "value_vanished": (
        Remedy("set", "Choose another value.", "chansync channel set {channel} {FIELD}={VALUE}"),
        Remedy("lookups", "Ask the site again for what it has.", "chansync sync {channel} --lookups"),
    ),
    "push_failed": (
        Remedy("push", "Send it again now.", "chansync sync {channel} --statuses --quantities"),
        _TEST,
        _SOLVE,
    ),
    "tracking_not_told": (
        Remedy("note", "Let a note tell it to the customer.", "chansync channel set {channel} tracking_note=yes"),
        Remedy("push", "Send it again now.", "chansync sync {channel} --statuses"),
    ),
    "sku_case_differs": (
        Remedy("map", "Map the site's item to the ERP's.", "chansync map item {channel} {SITE_ID}={item}"),
        Remedy("look", "Look at the site's stock again.", "chansync sync {channel} --quantities"),
    ),
    "site_items_unknown": (
        Remedy("map", "Map the site's item to the ERP's, or to - where it is no goods.",
               "chansync map item {channel} {site_id}={ITEM}"),
        Remedy("add-item", "Create the item in the ERP.", "chansync erp add item {sku} name={NAME}"),
        Remedy("look", "Look at the site's stock again.", "chansync sync {channel} --quantities"),
    ),
    "push_refused_status": (
        _WHY,
        _FETCH,
        _CANCEL,
        _REVERSE,
    ),
    "stock_drift": (Remedy("push", "Send the stock again now.", "chansync sync {channel} --quantities"),),
    "webhooks_mended": (_DOCTOR, _WEBHOOKS),
    "webhooks_refused": (
        _WEBHOOKS,
        _KEYS,
        Remedy("without", "Do without webhooks.", "chansync channel set {channel} webhook_address="),
    ),
    "webhooks_made": (_TEST,),
    "connected": (_TEST,),
    "site_odd": (_TEST,),
}  # fmt: skip
