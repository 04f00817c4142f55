"""The first steps from an empty database to a channel that syncs: which are done, and what can be proposed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import apsw

from chansync.db import settings
from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp.ledger import setup
from chansync.erp.ledger.items import ItemRow, goods_count, import_items
from chansync.erp.ledger.setup_kinds import SKU, Gtin
from chansync.model import stored_json
from chansync.model.channel import Channel
from chansync.model.errors import UsageError
from chansync.model.parameter_types import ParameterType, Text
from chansync.setup import channel_settings
from chansync.store import channels, daemons, mappings, notices


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: ``system``, ``pos``, ``channel``, ``connection``, ``methods``, ``sync``, ``items``, ``daemon`` or
            ``notices``.
        about: what it is for and what to do, in a sentence or two.
        state: what there is of it.
    """

    name: str
    title: str
    about: str
    done: bool
    state: str


def guided(db: apsw.Connection) -> Channel | None:
    """The channel that the steps are about: the first that is not used yet, else the first."""
    known = sorted(channels.all_channels(db), key=lambda channel: (bool(channel["used"]), channel.id))
    return known[0] if known else None


def steps(db: apsw.Connection) -> list[Step]:
    """All of them, in order."""
    systems = [system.code for system in channels.systems(db)]
    channel = guided(db)
    return [
        Step("system", "An integration system", "The outside account that your channels belong to.", bool(systems),
             ", ".join(systems) or "none yet"),
        _pos(db),
        Step("channel", "A sales channel", "One place that sells: its name and code, its address and keys. c confirms "
             "it: chansync then connects, says as what, and fills in what the site tells.",
             channel is not None, channel.code if channel else "none yet"),
        _connection(channel),
        _methods(db, channel),
        _sync(db, channel),
        _items(db, channel),
        _daemon(db),
        _notices(db),
    ]  # fmt: skip


def _pos(db: apsw.Connection) -> Step:
    able = [row["code"] for row in setup.rows(db, "pos") if _is_able(db, row["code"])]
    about = (
        "Where sales are recorded: a POS with a warehouse, and payment and delivery methods. Enter makes a basic one; "
        "everything of it can be changed later."
    )
    return Step("pos", "A POS to sell from", about, bool(able), ", ".join(able) or "none yet")


def _is_able(db: apsw.Connection, pos: str) -> bool:
    return bool(setup.codes(db, "payment-method", pos=pos) and setup.codes(db, "delivery-method", pos=pos))


def _connection(channel: Channel | None) -> Step:
    connected = channel is not None and channel.connected_at is not None
    used = bool(channel and channel["used"])
    state = "used" if used and connected else "connected, not used yet" if connected else "not yet"
    about = "chansync connects to the site, says as what, and fills in statuses, currency and methods."
    return Step("connection", "The connection", about, connected and used, state)


def _methods(db: apsw.Connection, channel: Channel | None) -> Step:
    open_ones = unmapped(db, channel) if channel else []
    some = bool(channel and mappings.mappings(db, channel.id, "payment"))
    about = "Each payment method of the site is one of the POS's: orders with one that is not mapped wait as problems."
    state = f"not mapped: {', '.join(open_ones)}" if open_ones else "all mapped" if some else "none known yet"
    return Step("methods", "Payment methods", about, some and not open_ones, state)


def _sync(db: apsw.Connection, channel: Channel | None) -> Step:
    about = "Orders come in as sales. Afterwards the daemon does it by itself: chansync daemon."
    ran = "SELECT 1 FROM run WHERE channel_id = ? AND stream = 'orders' AND state = 'done' LIMIT 1"
    if channel is None or not db.execute(ran, (channel.id,)).get:
        return Step("sync", "The first sync", about, False, "not yet")
    counts = """SELECT count(*), count(*) FILTER (WHERE state = 'imported') FROM "order" WHERE channel_id = ?"""
    [(seen, sold)] = db.execute(counts, (channel.id,))
    return Step("sync", "The first sync", about, True, f"orders seen: {seen}, sales: {sold}")


def _items(db: apsw.Connection, channel: Channel | None) -> Step:
    missing = len(missing_items(db, channel.id)) if channel else 0
    nameless = len(items_to_map(db, channel.id)) if channel else 0
    there = goods_count(db)
    about = (
        "Orders need their items in the ERP, by SKU or GTIN. Enter adds those that orders have named so far and tries "
        "the orders again; items without a SKU are mapped in the channel's form. A whole catalogue comes in with: "
        "chansync erp import items FILE.csv"
    )
    state = f"{there} in the ERP"
    state += f", {missing} missing that orders name" if missing else ""
    state += f", {nameless} without a SKU to map" if nameless else ""
    return Step("items", "Items", about, bool(there) and not missing and not nameless, state)


def _daemon(db: apsw.Connection) -> Step:
    runs = daemons.is_running(db)
    about = (
        "It syncs by itself, by day and night. Enter starts it: in the background until this machine restarts, or as a "
        "service of the machine under systemd, which is the way for real work."
    )
    return Step("daemon", "The daemon", about, runs, "running" if runs else "not running")


def _notices(db: apsw.Connection) -> Step:
    users = notices.notice_users(db)
    reachable = bool(settings.get(db, "smtp_host") or notices.routes(db))
    about = "Who gets an e-mail when there is a problem, and when it is solved. Enter asks for it, and sends a test."
    state = ", ".join(sorted(users)) if users and reachable else "nobody yet"
    return Step("notices", "Who is told of problems", about, bool(users) and reachable, state)


# Proposals

#: What a basic POS needs: kind, code, texts. What is there already is left as it is.
_BASIC = (
    ("warehouse", "MAIN", {"name": "Main warehouse"}),
    ("account", "BANK", {"name": "Bank account"}),
    ("account", "CASH", {"name": "Cash desk"}),
    ("pos", "WEB", {"name": "Web shop", "warehouse": "MAIN"}),
    ("payment-method", "bank", {"name": "Bank transfer", "pos": "WEB", "account": "BANK"}),
    ("payment-method", "cash", {"name": "Cash", "pos": "WEB", "account": "CASH"}),
    ("delivery-method", "courier", {"name": "Courier", "pos": "WEB"}),
    ("service", "SHIPPING", {"name": "Shipping"}),
    ("service", "FEE", {"name": "Fee"}),
    ("document-type", "invoice", {"name": "Invoice"}),
)


def basic_parts(db: apsw.Connection, currencies: str) -> list[tuple[str, str, dict[str, str]]]:
    """What a basic POS that sells in ``currencies`` would still need: kind, code, texts."""
    parts = []
    for kind, code, texts in _BASIC:
        if not setup.exists(db, kind, code, pos=texts.get("pos")):
            parts.append((kind, code, texts | ({"currencies": currencies} if kind == "pos" else {})))
    return parts


def make_basic(db: apsw.Connection, currencies: str) -> list[str]:
    """Make the parts of a basic POS that are not there, in one transaction; each as ``warehouse MAIN``.

    Raises:
        UsageError: the currencies are none.
    """
    with transaction(db):
        made = []
        for kind, code, texts in basic_parts(db, currencies):
            setup.add(db, kind, code, texts)
            made.append(f"{kind.replace('-', ' ')} {code}")
        return made


def channel_proposal(db: apsw.Connection) -> dict[str, str]:
    """Texts that a first channel can begin with: what of the ERP there is to name, invoices for what is paid, used."""
    pos = next((row["code"] for row in setup.rows(db, "pos") if _is_able(db, row["code"])), None)
    if pos is None:
        return {}
    proposal = {"pos": pos, "delivery_method": setup.codes(db, "delivery-method", pos=pos)[0]}
    basic = {"transport_service": ("service", "SHIPPING"), "fee_service": ("service", "FEE"),
             "document_type": ("document-type", "invoice")}  # fmt: skip
    proposal |= {name: code for name, (kind, code) in basic.items() if setup.exists(db, kind, code)}
    if "document_type" in proposal:
        proposal["issue_document_on_payment"] = "yes"
    return proposal | {"used": "yes"}


# Doing


def unmapped(db: apsw.Connection, channel: Channel) -> list[str]:
    """Payment methods of the site that are not mapped."""
    return [row.site_code for row in mappings.mappings(db, channel.id, "payment") if row.target is None]


#: Words in the code or title of a method that is paid in cash, on delivery or in a shop.
_CASH = ("cash", "cod", "nachnahme", "bar")


@dataclass(frozen=True, slots=True)
class Pair:
    """A payment method of the site, and the POS's that is proposed for it; empty: a person must choose."""

    site_code: str
    title: str
    target: str


def proposed_methods(db: apsw.Connection, channel: Channel) -> list[Pair]:
    """What each payment method that is not mapped could be, to be shown before it is mapped.

    Cash goes to a method that is cash, and nothing else does. The rest goes to the POS's only other method.
    """
    have = {
        row["code"]: str(row["name"] or "") for row in setup.rows(db, "payment-method") if row["pos"] == channel["pos"]
    }
    cash = [code for code, name in have.items() if _is_cash(code, name)]
    others = [code for code in have if code not in cash]
    pairs = []
    for row in mappings.mappings(db, channel.id, "payment"):
        if row.target is None:
            fitting = cash if _is_cash(row.site_code, row.title) else others
            same = row.site_code if row.site_code in have else ""
            pairs.append(Pair(row.site_code, row.title, same or (fitting[0] if len(fitting) == 1 else "")))
    return pairs


def _is_cash(code: str, title: str) -> bool:
    return bool({*code.casefold().split("_"), *title.casefold().split()} & {*_CASH})


def map_methods(db: apsw.Connection, channel_id: int, pairs: Iterable[Pair]) -> None:
    """Map payment methods as they were shown and agreed to; those without a target stay unmapped.

    Raises:
        UsageError: the channel or a method is gone.
    """
    with transaction(db):
        channel = channels.channel_by_id(db, channel_id)
        if channel is None:
            raise UsageError("The channel was removed meanwhile.")
        for pair in pairs:
            if pair.target:
                channel_settings.map_method(db, channel, "payment", pair.site_code, pair.target)


def missing_items(db: apsw.Connection, channel_id: int) -> dict[str, ItemRow]:
    """Items with a SKU that the channel's open problems name and the ERP lacks, by SKU."""
    found: dict[str, ItemRow] = {}
    for item in _named_items(db, channel_id):
        sku = _parsed(SKU, item.get("sku"))
        if sku and sku not in found and not any(setup.exists(db, kind, sku) for kind in ("item", "service")):
            name = _parsed(Text(longest=200), item.get("name")) or sku
            found[sku] = ItemRow(sku, name, _parsed(Gtin(), item.get("gtin")), None, "")
    return found


def items_to_map(db: apsw.Connection, channel_id: int) -> list[str]:
    """What the site calls the items without a SKU that the channel's open problems name and nobody has mapped."""
    mapped = mappings.targets(db, channel_id, "item")
    named = [str(item.get("map") or "") for item in _named_items(db, channel_id) if not _parsed(SKU, item.get("sku"))]
    return sorted({code for code in named if code and code not in mapped})


def _named_items(db: apsw.Connection, channel_id: int) -> Iterator[dict[str, object]]:
    rows = db.execute(
        "SELECT data FROM message WHERE channel_id = ? AND open = 1 AND code = 'item_unknown'", (channel_id,)
    )
    for (data,) in rows.fetchall():
        items = stored_json.object_or_empty(str(data)).get("items")
        yield from (item for item in items if isinstance(item, dict)) if isinstance(items, list) else ()


def _parsed(kind: ParameterType, text: object) -> str:
    """As the ERP keeps it; empty where it is none: what sites send is not always what it should be."""
    try:
        return str(kind.parse(str(text or "")) or "")
    except UsageError:
        return ""


def add_missing_items(db: apsw.Connection, channel_id: int) -> None:
    """Add the items that the channel's problems name, without stock, and let their orders be tried again.

    Raises:
        UsageError: an item cannot be added under its SKU.
    """
    with transaction(db):
        import_items(db, list(missing_items(db, channel_id).values()), note="named by orders")
        channels.make_problems_due(db, channel_id)


def set_up_notices(store: Store, email: str, mail: Mapping[str, str]) -> str:
    """Let a user be told by e-mail of the problems of every channel that tells nobody yet; the user's code.

    Args:
        mail: settings of the mail server, as ``notices.settings.change`` takes them; empty ones are left as they are.
            ``smtp_host`` may end with a port: ``mail.example:2525``.

    Raises:
        UsageError: something is missing or wrong; nothing is changed then.
    """
    # Imported here: most of the steps need neither.
    from chansync.notices import settings as mail_settings
    from chansync.setup.forms.form import code_from

    db = store.db
    if "@" not in email:
        raise UsageError("Enter the e-mail address that notices go to.")
    with transaction(db):
        known = [row["code"] for row in setup.rows(db, "user") if row.get("email") == email]
        code = known[0] if known else code_from(email.partition("@")[0], setup.codes(db, "user")) or "admin"
        if not known:
            setup.add(db, "user", code, {"name": email.partition("@")[0], "email": email})
        for channel in channels.all_channels(db):
            if not channel["notice_user"]:
                channel_settings.change_channel(store, channel.code, {"notice_user": code})
        texts = {name: text for name, text in mail.items() if text}
        host, colon, port = texts.get("smtp_host", "").rpartition(":")
        if colon and port.isdecimal() and ":" not in host:
            texts |= {"smtp_host": host, "smtp_port": port}
        if not texts.get("mail_from") and "@" not in texts.get("smtp_user", "@"):
            texts["mail_from"] = email
        if "smtp_user" not in texts:
            texts.setdefault("mail_from", email)
        mail_settings.change(store, texts)
        return code
