"""Sales of a small company, as the ledger takes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp.ledger import stock
from chansync.erp.ledger.embedded import LEDGER, perform
from chansync.model import steps
from chansync.model.order import TaxNumbers
from chansync.model.sale import Customer, LineKind, RefundedLine, SaleDraft, SaleLine, SaleState, SaleView
from chansync.model.steps import Step
from support import world
from support.orders import ANNA


def add_company(store: Store) -> None:
    """Two warehouses. The POS MAIN sells from W1 what is there; FREE sells from W2 whatever is there."""
    with transaction(store.db):
        for statement in (
            "INSERT INTO erp_warehouse (code, name) VALUES ('W1', 'Main'), ('W2', 'Second')",
            "INSERT INTO erp_account (code, name, type) VALUES ('BANK', 'Bank', 'account'), ('TILL', 'T', 'cash desk')",
            """INSERT INTO erp_pos (code, name, warehouse_id, currencies, negative_stock)
               VALUES ('MAIN', 'Main', 1, 'EUR', 0), ('FREE', 'Free', 2, 'EUR', 1)""",
            """INSERT INTO erp_payment_method (code, name, pos_id, account_id)
               VALUES ('bank', 'Bank', 1, 1), ('cash', 'Cash', 1, 2), ('bank', 'Bank', 2, 1)""",
            "INSERT INTO erp_document_type (code, name) VALUES ('invoice', 'Invoice'), ('receipt', 'Receipt')",
            "INSERT INTO erp_item (code, name) VALUES ('SHIRT', 'Shirt'), ('SHOE', 'Shoe'), ('HAT', 'Hat')",
            "INSERT INTO erp_item (code, name, type) VALUES ('SHIPPING', 'Shipping', 'service')",
        ):
            store.db.execute(statement)


def item_line(code: str, quantity: int | str, net: int, tax: int = 0, external_id: str = "") -> SaleLine:
    """A line of goods; its external id is the item's code, unless it is given."""
    return SaleLine(LineKind.ITEM, code, code.title(), Decimal(quantity), net, tax, 0, external_id or code)


def shipping_line(net: int, tax: int = 0) -> SaleLine:
    """Shipping, whose external id is ``ship``."""
    return SaleLine(LineKind.TRANSPORT, "SHIPPING", "Shipping", Decimal(1), net, tax, 0, "ship")


def draft(serial: int, lines: list[SaleLine], **changes: Any) -> SaleDraft:
    """A sale of the POS MAIN, paid by bank, whose document is an invoice."""
    made = SaleDraft(
        key=f"chansync:shop:{serial}",
        number=f"S-{serial}",
        channel_code="shop",
        order_number=str(serial),
        pos="MAIN",
        warehouse="W1",
        sale_date=date(2026, 11, 1),
        currency="EUR",
        total=sum(line.net + line.tax for line in lines),
        customer=Customer("Anna Ivanova", ANNA, TaxNumbers(), "+4930100013", "anna@example.com"),
        billing=ANNA,
        delivery=ANNA,
        lines=lines,
        payment_method="bank",
        delivery_method="courier",
        sale_type="",
        tax_transaction="",
        document_type="invoice",
        merchant="",
        note="",
    )
    return replace(made, **changes)


def record(store: Store, serial: int, lines: list[SaleLine], **changes: Any) -> int:
    """Record such a sale; its id."""
    made = draft(serial, lines, **changes)
    with transaction(store.db):
        return int(perform(store.db, made.key, steps.Record(made)).ref)


def have(store: Store, item: str, quantity: int, warehouse: str = "W1") -> None:
    """Bring what is on hand to that."""
    stock.set_stock(store.db, item, warehouse, quantity)


def do(store: Store, method: str, sale: int, *arguments: Any, **options: Any) -> Any:
    """Carry out a step with a sale in a transaction of its own; what it came to. What refuses it is raised."""
    with transaction(store.db):
        result = perform(store.db, key(store, sale), _step(store, method, sale, *arguments, **options))
    if method == "refund":
        return result.changed
    if method == "pack":
        return result
    return {"issue_document": result.number, "pay": result.amount, "request_missing": list(result.missing)}.get(method)


def _step(store: Store, method: str, sale: int, *arguments: Any, **options: Any) -> Step:
    if method == "pay":
        state_now = state(store, sale)
        amount = arguments[0] if arguments else state_now.unpaid
        return steps.Pay(state_now.paid + amount, **options)
    if method == "refund":
        refund_id, total, lines, restock = arguments
        return steps.Refund(refund_id, total, tuple(lines), restock)
    if method == "request_missing":
        return steps.RequestMissing(tuple(arguments[0]))
    if method in ("rewrite", "complete"):
        return {"rewrite": steps.Rewrite, "complete": steps.Complete}[method](arguments[0], "1")
    made: type[Step] = {
        "block": steps.Block,
        "release": steps.Release,
        "issue_document": steps.IssueDocument,
        "write_out": steps.WriteOut,
        "pack": steps.Pack,
        "ship": steps.Ship,
        "cancel": steps.Cancel,
        "reverse": steps.Reverse,
        "amend": steps.Amend,
        "withdraw_refund": steps.WithdrawRefund,
    }[method]
    return made(*arguments, **options)


def key(store: Store, sale: int) -> str:
    """The key of the sale of that id."""
    found: str = store.db.execute("SELECT key FROM erp_sale WHERE id = ?", (sale,)).get
    return found


def view(store: Store, sale: int) -> SaleView:
    """The sale as the ledger shows it."""
    found = LEDGER.view(store.db, key(store, sale))
    assert found is not None
    return found


def given_back(external_id: str, quantity: int | str, net: int, tax: int = 0) -> RefundedLine:
    """A line of a refund."""
    return RefundedLine(external_id, Decimal(quantity), net, tax)


def two_shirts(price: int = 1000, tax: int = 190) -> list[SaleLine]:
    """Two shirts and shipping: 1000 + 190 and 490 + 93, which is 1773."""
    return [item_line("SHIRT", 2, price, tax), shipping_line(490, 93)]


def state(store: Store, sale: int) -> SaleState:
    """Where the sale is."""
    return view(store, sale).state


def on_hand(store: Store, item: str = "SHIRT", warehouse: str = "W1") -> int:
    """The item's balance in one warehouse, blocked or not."""
    found = world.rows(
        store,
        """SELECT coalesce(sum(quantity), 0) FROM erp_stock_movement WHERE item_id = (SELECT id FROM erp_item
           WHERE code = ?) AND warehouse_id = (SELECT id FROM erp_warehouse WHERE code = ?)""",
        item, warehouse,
    )  # fmt: skip
    return int(found[0][0])


def balance(db: apsw.Connection, item: str, warehouse: str | None = None) -> int:
    """Pieces on hand of an item, in one warehouse or in all."""
    return sum(each.on_hand for each in stock.balances(db, item=item, warehouse=warehouse))


def available(store: Store, item: str = "SHIRT", *warehouses: str) -> int:
    """On hand less blocked, in those warehouses."""
    return LEDGER.stock(store.db, list(warehouses or ["W1"]))[item]
