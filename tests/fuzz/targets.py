"""What is fed: each target takes bytes, and raises only where there is a bug."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import apsw

from chansync.cli.main import main
from chansync.db.connection import Store, open_store
from chansync.demo.amazon.returns import COLUMNS as RETURN_COLUMNS
from chansync.demo.amazon.settlements import COLUMNS as SETTLEMENT_COLUMNS
from chansync.erp.ledger.items import import_items, read_items
from chansync.erp.ledger.stock import parse_quantity
from chansync.http.body import BodyError, decode
from chansync.model.channel_parameters import PARAMETERS
from chansync.model.errors import ChansyncError, DataError
from chansync.model.money import parse_amount
from chansync.model.order import Order
from chansync.model.times import format_duration, parse_date, parse_duration
from chansync.platforms.amazon.parse import OrderReader as AmazonReader
from chansync.platforms.amazon.returns import BY_MERCHANT, TO_AMAZON, read_returns
from chansync.platforms.amazon.settlements import read_settlement
from chansync.platforms.woocommerce.address import ROOTS, Place, store_address
from chansync.platforms.woocommerce.parse import OrderReader, read_refund
from chansync.setup.setup_file import applying, document
from support import world

_FOLDER = Path(tempfile.mkdtemp(prefix="chansync-fuzz-"))
_READER = OrderReader()
_SELLER = AmazonReader("A1PA6795UKMFR9")

#: Words that a command line is made of, beside noise: nothing that runs for ever or asks a site.
_WORDS = (
    "status", "log", "why", "channel", "list", "show", "set", "add", "export", "erp", "map", "payment", "system", "db",
    "check", "item", "pos", "stock", "sales", "solve", "shop", "--json", "--help", "--db", "-n", "1", "--open",
    "--since", "--channel", "name=x", "used=yes", "=", "--", "-", "",
)  # fmt: skip


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _store() -> Store:
    path = _FOLDER / "fuzz.db"
    new = not path.exists()
    store = open_store(path)
    if new:
        world.add_erp(store)
        world.add_channel(store)
    return store


#: What runs for ever, asks a site, or changes the machine.
_NEVER = frozenset("daemon demo sync service doctor retry import init restore rotate -f --follow".split())

_opened: list[Store] = []


def store() -> Store:
    """A company's database, made once."""
    if not _opened:
        _opened.append(_store())
    return _opened[0]


def database() -> apsw.Connection:
    """Its connection."""
    return store().db


def address(data: bytes) -> None:
    """The store domain, as typed: what is taken makes addresses that a request can be sent to."""
    with contextlib.suppress(ChansyncError):
        found = store_address(_text(data))
        for root in ROOTS:
            assert Place(str(found), root).url("wc/v3/orders").host


def body(data: bytes) -> None:
    """The body of an answer."""
    with contextlib.suppress(BodyError):
        decode(data)


def order(data: bytes) -> None:
    """A store's list of orders."""
    with contextlib.suppress(BodyError):
        read = decode(data).data
        for row in read if isinstance(read, list) else [read]:
            found = _READER.read(row)
            if isinstance(found, Order):
                assert found.external_id
                assert found.digest


def amazon(data: bytes) -> None:
    """A page of Amazon's orders."""
    with contextlib.suppress(BodyError):
        read = decode(data).data
        rows = read.get("orders") if isinstance(read, dict) else read
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict):
                found = _SELLER.read(row)
                if isinstance(found, Order):
                    assert found.external_id
                    assert found.digest


def refund(data: bytes) -> None:
    """A store's refund."""
    with contextlib.suppress(BodyError, DataError):
        found = read_refund(decode(data).data)
        assert found is None or found.total >= 0


def reports(data: bytes) -> None:
    """Amazon's flat files: what is read of a settlement is exact, and nothing else is raised than a sentence."""
    with contextlib.suppress(DataError):
        settlement = read_settlement("1", data)
        assert all(line.amount == round(line.amount, 2) for line in settlement.lines)
    for kind in (BY_MERCHANT, TO_AMAZON):
        with contextlib.suppress(DataError):
            found, _ = read_returns(kind, data)
            assert all(each.pieces >= 0 for each in found)
            assert len({each.key for each in found}) == len(found)


def toml(data: bytes) -> None:
    """Channels from a file; nothing is kept of them."""
    with contextlib.suppress(ChansyncError):
        applying.apply(store(), document.read([("setup.toml", _text(data))]), check=True)


def items(data: bytes) -> None:
    """Items from a CSV file; nothing is kept of them."""
    path = _FOLDER / "items.csv"
    path.write_bytes(data)
    db = database()
    db.execute("SAVEPOINT fuzz")
    try:
        with contextlib.suppress(ChansyncError):
            import_items(db, read_items(path, "W1"))
    finally:
        db.execute("ROLLBACK TO fuzz; RELEASE fuzz")


def values(data: bytes) -> None:
    """Durations, dates, quantities, amounts and every parameter's own text."""
    text = _text(data)
    with contextlib.suppress(ChansyncError):
        seconds = parse_duration(text)
        assert parse_duration(format_duration(seconds)) == seconds
    for parse in (parse_date, parse_quantity):
        with contextlib.suppress(ChansyncError):
            parse(text)
    with contextlib.suppress(ChansyncError):
        assert isinstance(parse_amount(text, "it"), Decimal)
    for parameter in PARAMETERS:
        with contextlib.suppress(ChansyncError):
            parameter.type.parse(text)


def arguments(data: bytes) -> None:
    """A command line: a byte below 128 names a word, others begin noise."""
    words = []
    for piece in data.split(b" ")[:8]:
        first = piece[:1]
        is_word = first and first[0] < 128 and len(piece) == 1
        words.append(_WORDS[first[0] % len(_WORDS)] if is_word else _text(piece).replace("\0", ""))
    if any(
        word in ("daemon", "demo", "sync", "service", "doctor", "retry", "import", "-f", "--follow") for word in words
    ):
        return
    os.environ["CHANSYNC_DB"] = str(_FOLDER / "none.db")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(words)
    assert code in range(8) or code == 130, code
    assert "fault of its own" not in err.getvalue(), (words, err.getvalue())


TARGETS: dict[str, Callable[[bytes], None]] = {
    function.__name__: function
    for function in (address, body, order, amazon, refund, reports, toml, items, values, arguments)
}

_ORDER = b"""[{"id": 7, "number": "7", "status": "processing", "currency": "EUR", "total": "11.90",
 "date_created_gmt": "2026-11-24T08:56:45", "date_created": "2026-11-24T09:56:45",
 "line_items": [{"id": 1, "quantity": 1, "total": "10", "total_tax": "1.90", "sku": "A", "meta_data": []}],
 "refunds": [{"id": 9, "total": "-1.00"}]}]"""

_AMAZON = b"""{"orders": [{"orderId": "302-1234567-1234567", "createdTime": "2026-11-23T23:30:00Z",
 "lastUpdatedTime": "2026-11-24T08:00:00Z", "salesChannel": {"marketplaceId": "A1PA6795UKMFR9"},
 "proceeds": {"grandTotal": {"amount": "11.90", "currencyCode": "EUR"}}, "buyer": {"buyerEmail": "a@b.example"},
 "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"}, "orderItems": [{"orderItemId": "1",
 "quantityOrdered": 1, "product": {"asin": "B0", "sellerSku": "A"}, "proceeds": {"breakdowns": [{"type": "ITEM",
 "subtotal": {"amount": "11.90", "currencyCode": "EUR"}}, {"type": "TAX", "subtotal": {"amount": "1.90"},
 "detailedBreakdowns": [{"subtype": "ITEM", "value": {"amount": "1.90"}}]}]}}]}]}"""

_REFUND = b"""{"id": 5, "amount": "3.00", "reason": "x", "line_items": [{"id": 1, "quantity": -1, "total": "-2.00",
 "total_tax": "-1.00", "meta_data": [{"key": "_refunded_item_id", "value": "7"}]}], "fee_lines": {}}"""

_CELLS = {
    "Order ID": "902-1", "Amazon RMA ID": "D1RRMA", "Merchant SKU": "A", "Return quantity": "1", "order-id": "902-1",
    "Return delivery date": "17-Nov-2026", "return-date": "2026-11-17T10:00:00+00:00", "sku": "A", "quantity": "2",
}  # fmt: skip
_SETTLEMENT = (
    "\t".join(SETTLEMENT_COLUMNS) + "\n1\t\t\t\t-5,00\tEUR\n"
    "1\t\t\t\t\t\tOrder\t902-1\t\t\t\tAmazon.de\tItemPrice\tPrincipal\t1.234,50\n"
    '1\t\t\t\t\t\tother-transaction\t\t\t\t\t\tother-transaction\t"Gebühr"\t-1.239,50\n'
).encode("cp1252")
_RETURNS = tuple(
    ("\t".join(columns) + "\n" + "\t".join(_CELLS.get(name, "") for name in columns)).encode()
    for columns in RETURN_COLUMNS.values()
)

_TOML = b"""format = 1
[systems.woo]
name = "WooCommerce"
kind = "woocommerce"
[channels.shop]
integration_system = "woo"
pos = "MAIN"
name = "Shop"
store_domain = "http://127.0.0.1:1"
start_date = 2020-01-01
order_statuses = ["processing", "on-hold"]
used = true
[channels.shop.payment]
bacs = "bank"
"""

_ITEMS = b"""sku,name,gtin,stock,warehouse
A,Shirt,4006381333931,5,W1
B,"x,y",,-1,
"""

#: Where fuzzing begins from.
SEEDS: dict[str, tuple[bytes, ...]] = {
    "address": (b"https://shop.example:8443/sub/wp-admin/", b"[::1]:80", b"http://a@b/c?d#e", b"b\xc3\xbc.example"),
    "body": (b'<br />\nNotice\n[{"id": 1, "total": 1.50}]', b"\xef\xbb\xbf{}", b'["\\ud800", 1e999999, NaN]'),
    "order": (_ORDER,),
    "amazon": (_AMAZON,),
    "refund": (_REFUND,),
    "reports": (_SETTLEMENT, *_RETURNS),
    "toml": (_TOML,),
    "items": (_ITEMS, b"sku;name\r\n\xfc;\x00\r\n"),
    "values": (b"30s", b"5 min", b"2026-11-24", b"yesterday", b"1.005", b"-0", b"1e5", "٣".encode()),
    "arguments": (b"\x03 \x04", b"\x00 --db x", b"\x01 -n -5", b"\xff\xfe \x09"),
}
