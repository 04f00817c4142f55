"""Whatever staff do to an order, in whatever order: its sale is as the order says, or a problem is open whose remedy
makes it so, and the books are sound."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from chansync.db.connection import Store
from chansync.erp.ledger.check import check
from chansync.erp.ledger.stock import set_stock
from chansync.model.errors import ChansyncError
from chansync.model.order import OrderLine, Refund, RefundLine
from chansync.model.sale import LineKind
from chansync.orders.decisions import DECISIONS, decide_on
from chansync.orders.sale_actions import perform
from chansync.store import channels, orders
from support import world
from support.orders import ANNA, line, order
from support.world import OrderByOrder

REFUSED = ("cancelled", "refunded")
STATUSES = {"cancel": "cancelled", "refund all": "refunded", "hold": "on-hold", "back": "processing"}
EVENTS = (
    "quantity", "another line", "item", "delivery", "billing", "e-mail", "note", "number", "method", "refund",
    "refund and restock", "amount refund", "delete refund", "cancel", "refund all", "hold", "back", "write out",
    "first remedy", "last remedy",
)  # fmt: skip


class Shop:
    """A site's order and what chansync makes of it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now: dict[str, Any] = {"number": "1", "status": "processing", "lines": [_line()], "refunds": []}
        self.serial = 50
        self.pull()

    def pull(self) -> None:
        db = self.store.db
        importing = OrderByOrder(db, world.load_settings(self.store, channels.channel(db, "shop")))
        importing.import_order(order(**self.now), again=True)

    @property
    def refunded(self) -> Decimal:
        return sum((refund.total for refund in self.now["refunds"]), Decimal(0))

    def happen(self, event: str) -> None:
        known, *others = self.now["lines"]
        pieces = sum(back.quantity for refund in self.now["refunds"] for back in refund.lines)
        match event:
            case "quantity":
                more = 4 if known.quantity == 3 else 3
                self.now["lines"] = [_line(more, known), *others]
            case "another line":
                self.now["lines"] = [known] if others else [known, replace(_line(1), external_id="2", item_code="9")]
            case "item":
                other = {"sku": "SKU-002", "item_code": "9"} if known.sku == "SKU-001" else {}
                self.now["lines"] = [
                    replace(known, **{"sku": "SKU-001", "item_code": _line().item_code} | other),
                    *others,
                ]
            case "delivery":
                self.now["delivery"] = replace(ANNA, line_1=f"Street {self.serial}")
                self.serial += 1
            case "billing":
                self.now["billing"] = replace(ANNA, company=f"Company {self.serial}")
                self.serial += 1
            case "e-mail":
                billing = self.now.get("billing", ANNA)
                self.now["billing"] = replace(billing, email=f"anna{self.serial}@example.com")
                self.serial += 1
            case "number":
                self.now["number"] = f"N-{self.serial}"
                self.serial += 1
            case "note":
                self.now["note"] = f"Note {self.serial}"
                self.serial += 1
            case "method":
                self.now["payment_code"] = "cod" if self.now.get("payment_code") != "cod" else "bacs"
            case "refund" | "refund and restock" if pieces < 3:
                back = RefundLine("item", "1", Decimal(1), Decimal(10), Decimal("1.90"))
                self._refund("11.90", back)
                if event == "refund and restock":
                    self.now["lines"] = [replace(known, restocked=known.restocked + 1), *others]
            case "amount refund" if self.refunded < 10:
                self._refund("1.00")
            case "delete refund" if self.now["refunds"]:
                self.now["refunds"] = self.now["refunds"][1:]
            case "cancel" | "refund all" | "hold" | "back":
                self.now["status"] = STATUSES[event]
                self.now["refunded"] = event == "refund all"
            case "write out":
                self._write_out()
            case "first remedy" | "last remedy":
                self.mend(-1 if event == "last remedy" else 0)
        self.pull()

    def _refund(self, total: str, *lines: RefundLine) -> None:
        refund = Refund(str(self.serial), Decimal(total), "", list(lines), Decimal(total))
        self.now["refunds"] = [*self.now["refunds"], refund]
        self.serial += 1

    def _write_out(self) -> None:
        row = orders.by_external_id(self.store.db, 1, "1")
        assert row is not None
        assert row.sale is not None
        try:
            perform(self.store.db, "write-out", row.sale.number)
        except ChansyncError:
            return

    def open(self) -> list[tuple[int, str]]:
        return world.rows(self.store, "SELECT id, code FROM message WHERE open = 1 ORDER BY id")

    def mend(self, which: int) -> None:
        for message_id, code in self.open()[:1]:
            if code in DECISIONS:
                decide_on(self.store.db, message_id, list(DECISIONS[code])[which], "eva")


def _line(quantity: Any = 3, known: OrderLine | None = None) -> OrderLine:
    """So many pieces of 11.90; else as ``known``."""
    pieces = Decimal(quantity)
    amounts = {"total": 10 * pieces, "subtotal": 10 * pieces, "tax": Decimal("1.90") * pieces}
    return replace(known or line(restocked=Decimal(0)), quantity=pieces, **amounts)


@contextmanager
def shop(template: Path) -> Iterator[Shop]:
    with tempfile.TemporaryDirectory() as folder:
        store = world.copy_of(template, Path(folder))
        world.add_erp(store)
        store.db.execute("INSERT INTO erp_document_type (code, name) VALUES ('invoice', 'Invoice')")
        for item in ("SKU-001", "SKU-002"):
            set_stock(store.db, item, "W1", 1000)
        world.add_channel(store, document_type="invoice", issue_document_on_payment=True, paid_statuses=["processing"])
        yield Shop(store)
        store.close()


@settings(max_examples=60)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=12))
def test_the_sale_is_as_the_order_or_a_problem_is_open(template: Path, events: list[str]) -> None:
    with shop(template) as site:
        kept = False
        for event in events:
            before = site.open()
            site.happen(event)
            kept |= event == "last remedy" and any(code in DECISIONS for _, code in before)
            assert check(site.store.db) == []
            if not site.open() and not kept:
                _assert_alike(site)


def _assert_alike(site: Shop) -> None:
    made = order(**site.now)
    row = orders.by_external_id(site.store.db, 1, "1")
    assert row is not None
    assert row.sale is not None
    from chansync.erp import registry

    sale = registry.erp(site.store.db, row.sale.erp).view(site.store.db, row.sale.key)
    assert sale is not None
    assert sale.state.closed == (made.status in REFUSED)
    if sale.state.closed:
        documented = "SELECT sum(total) FROM erp_document"
        assert (sale.state.paid, world.rows(site.store, documented)) == (0, [(0,)])
        return
    due = int((made.total - site.refunded) * 100)
    assert (sale.state.total, sale.state.paid) == (int(made.total * 100), due if made.status == "processing" else 0)
    assert (sale.note, sale.delivery, sale.billing) == (made.note, made.delivery, made.billing)
    assert sale.order_number == made.number
    sold = {known.external_id: (known.item_code, known.quantity) for known in sale.lines if known.kind is LineKind.ITEM}
    assert sold == {known.external_id: (known.sku, known.quantity) for known in made.lines}
    if sale.state.written_out and not any(each.total < 0 for each in sale.refunds):
        out = world.rows(
            site.store,
            "SELECT -sum(quantity) FROM erp_stock_movement m JOIN erp_sale s ON s.id = m.sale_id WHERE s.key = ?",
            sale.key,
        )
        assert out[0][0] is not None
        assert out[0][0] <= sum(known.quantity for known in made.lines)
