"""The ledger's lists for screens: sales, journals, stock, customers and reference data, a page at a time.

A list is a query with an order that an index has, and a row is its texts: what belongs to it is named by its code, its
customer's id or its sale's number. ``LISTS`` has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import apsw

from chansync.erp.ledger import setup
from chansync.erp.ledger.setup_kinds import KINDS
from chansync.model.money import format_money
from chansync.model.order import bare_number
from chansync.model.paging import Key, Query, Span, holds, storable
from chansync.model.times import local_text


@dataclass(frozen=True, slots=True)
class ListRow:
    """A row of a list.

    Attributes:
        key: its place.
        name: what names it: a code (``POS/CODE`` where codes are unique within a POS), an id, or a sale's number.
        cells: a text for each of the list's columns.
    """

    key: Key
    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    """Another order of a list, by one of its columns.

    Attributes:
        order: the columns that an index has; unique together.
        index: a hint for SQLite on which; empty: there is but one.
        key: the values of a row in that order.
    """

    order: tuple[str, ...]
    index: str
    descending: bool
    key: Callable[[ListRow], Key]


@dataclass(frozen=True, slots=True)
class LedgerList:
    """A list.

    Attributes:
        title: for people.
        about: what it is for, and how it begins.
        columns: the names of its columns.
        opens: what a row's ``name`` names: ``sale``, ``customer``, ``item`` or ``record``.
        query: the list in SQL, by a text and a warehouse's code that narrow it.
        row: makes a row of what the query selects.
        sorts: its other orders by the column.
    """

    title: str
    about: str
    columns: tuple[str, ...]
    opens: str
    query: Callable[[str, str], Query]
    row: Callable[..., ListRow]
    sorts: Mapping[str, Sort] = field(default_factory=dict)


def read(db: apsw.Connection, name: str, text: str, warehouse: str, span: Span) -> list[ListRow]:
    """A part of the list of that name."""
    *_, (found, _) = parts(db, name, text, warehouse, span)
    return found


def parts(
    db: apsw.Connection, name: str, text: str, warehouse: str, span: Span, by: str = ""
) -> Iterator[tuple[list[ListRow], int]]:
    """As ``read``, as it is found (``Query.parts``), and in the order by a column of ``sorts``, where it is given."""
    found = LISTS[name]
    query = found.query(text, warehouse)
    if not by:
        yield from query.parts(db, span, found.row)
        return
    sort = found.sorts[by]
    by_column = query.sorted(sort.order, sort.index, descending=sort.descending)
    yield from by_column.parts(db, span, lambda *columns: _keyed(found.row(*columns), sort))


def _keyed(row: ListRow, sort: Sort) -> ListRow:
    return replace(row, key=sort.key(row))


# Sales and journals: the newest first

_SALES = """
    SELECT s.id, s.number, s.sale_date, s.channel_code, s.order_number, c.name, s.total, s.currency, s.mark
    FROM erp_sale s INDEXED BY erp_sale_listed CROSS JOIN erp_customer c ON c.id = s.customer_id
"""

# The sales whose number begins with the text.
_NUMBERED = "SELECT n.id FROM erp_sale n WHERE n.number >= ? AND n.number < ? LIMIT 200"


def _sales(text: str, _: str) -> Query:
    query = Query(_SALES, ("s.id",), True, [], [])
    if text:
        bare = bare_number(storable(text))
        condition, parameters = holds(("s.number", "s.order_number"), bare)
        query.narrow(condition, *parameters)
        query.walk = "erp_sale s INDEXED BY erp_sale_listed"
        query.likely = Query(_SALES.replace("INDEXED BY erp_sale_listed", "NOT INDEXED"), query.order, True, [], [])
        query.likely.narrow(f"s.id IN ({_NUMBERED})", bare, f"{bare}\U0010ffff")
    return query


def _sale(sale_id: int, number: str, day: str, channel: str, order: str, customer: str, total: int, currency: str,
          mark: str) -> ListRow:  # fmt: skip
    return ListRow((sale_id,), number, (number, day, channel, order, customer, format_money(total, currency), mark))


def _of_sales(select: str, alias: str, table: str) -> Callable[[str, str], Query]:
    """A journal by its ids, narrowed to sales whose own or whose order's number holds the text."""

    def query(text: str, _: str) -> Query:
        made = Query(select, (f"{alias}.id",), True, [], [])
        if text:
            bare = bare_number(storable(text))
            condition, parameters = holds(("x.number", "x.order_number"), bare)
            made.narrow(
                f"EXISTS (SELECT 1 FROM erp_sale x INDEXED BY erp_sale_listed WHERE x.id = {alias}.sale_id "
                f"AND {condition})",
                *parameters,
            )
            made.walk = f"{table} {alias}"
            by_sale = select.replace(f"{table} {alias}", f"{table} {alias} INDEXED BY {table}_by_sale")
            made.likely = Query(by_sale, made.order, True, [], [])
            made.likely.narrow(f"{alias}.sale_id IN ({_NUMBERED})", bare, f"{bare}\U0010ffff")
        return made

    return query


_DOCUMENTS = """
    SELECT d.id, s.number, p.code || '/' || t.code || '/' || d.number, d.at, d.total, d.currency,
        coalesce(p.code || '/' || t.code || '/' || c.number, '')
    FROM erp_document d CROSS JOIN erp_pos p ON p.id = d.pos_id CROSS JOIN erp_document_type t
    ON t.id = d.document_type_id CROSS JOIN erp_sale s ON s.id = d.sale_id
    LEFT JOIN erp_document c ON c.id = d.reverses_id
"""


def _document(entry: int, sale: str, number: str, at: int, total: int, currency: str, credits: str) -> ListRow:
    return ListRow((entry,), sale, (number, local_text(at), sale, format_money(total, currency), credits))


_PAYMENTS = """
    SELECT p.id, s.number, p.at, p.kind, a.code, p.amount, p.currency
    FROM erp_payment p CROSS JOIN erp_account a ON a.id = p.account_id CROSS JOIN erp_sale s ON s.id = p.sale_id
"""


def _payment(entry: int, sale: str, at: int, kind: str, account: str, amount: int, currency: str) -> ListRow:
    return ListRow((entry,), sale, (local_text(at), sale, kind, account, format_money(amount, currency)))


# What is requested of an item is the sum of its entries: those of a sale are one row, at the place of the last one.
_REQUESTS = """
    SELECT r.id, s.number, r.at, i.code, i.name, (
        SELECT sum(q.quantity) FROM erp_request q WHERE q.sale_id = r.sale_id AND q.item_id = r.item_id) AS pieces
    FROM erp_request r CROSS JOIN erp_sale s ON s.id = r.sale_id CROSS JOIN erp_item i ON i.id = r.item_id
"""


def _requests(text: str, _: str) -> Query:
    query = _of_sales(_REQUESTS, "r", "erp_request")(text, "")
    open_at_last = (
        "NOT EXISTS (SELECT 1 FROM erp_request q WHERE q.sale_id = r.sale_id AND q.item_id = r.item_id AND q.id > r.id)"
    )
    # Most requests of the past are fulfilled.
    query.walk = "erp_request r"
    for each in filter(None, (query, query.likely)):
        each.conditions += [open_at_last, "pieces > 0"]
    return query


def _request(entry: int, sale: str, at: int, item: str, name: str, quantity: int) -> ListRow:
    return ListRow((entry,), sale, (local_text(at), sale, item, name, str(quantity)))


_CUSTOMERS = """
    SELECT c.id, c.name, c.customer_type, c.vat_number, c.phone, c.email FROM erp_customer c
"""


def _customers(text: str, _: str) -> Query:
    query = Query(_CUSTOMERS, ("c.id",), True, [], [])
    if text:
        condition, parameters = holds(("c.name", "c.email", "c.phone", "c.vat_number", "c.uic"), text)
        query.narrow(condition, *parameters)
        query.walk = "erp_customer c"
    return query


def _customer(customer_id: int, *cells: str) -> ListRow:
    return ListRow((customer_id,), str(customer_id), (str(customer_id), *cells))


# Stock: every item in every warehouse, so that what never moved can be given its opening

_STOCK = """
    SELECT i.code, w.code, i.name,
        coalesce((SELECT on_hand FROM erp_stock k WHERE k.item_id = i.id AND k.warehouse_id = w.id), 0),
        coalesce((SELECT blocked FROM erp_stock k WHERE k.item_id = i.id AND k.warehouse_id = w.id), 0)
    FROM erp_item i CROSS JOIN erp_warehouse w
"""


def _stock(text: str, warehouse: str) -> Query:
    query = Query(_STOCK, ("i.code", "w.code"), False, ["i.type = 'goods'"], [])
    if warehouse:
        query.narrow("w.code = ?", warehouse)
    if text:
        condition, parameters = holds(("i.code", "i.name"), text)
        query.narrow(condition, *parameters)
        query.walk = "erp_item i CROSS JOIN erp_warehouse w"
    return query


def _balance(item: str, warehouse: str, name: str, on_hand: int, blocked: int) -> ListRow:
    cells = (item, name, warehouse, str(on_hand), str(blocked), str(on_hand - blocked))
    return ListRow((item, warehouse), item, cells)


# Accounts, with what is on them

_ACCOUNTS = """
    SELECT a.code, a.name, a.type,
        (SELECT group_concat(b.currency || ' ' || b.total) FROM (SELECT p.currency, sum(p.amount) AS total
            FROM erp_payment p WHERE p.account_id = a.id GROUP BY p.currency) b)
    FROM erp_account a
"""


def _accounts(text: str, _: str) -> Query:
    query = Query(_ACCOUNTS, ("a.code",), False, [], [])
    if text:
        condition, parameters = holds(("a.code", "a.name"), text)
        query.narrow(condition, *parameters)
    return query


def _account(code: str, name: str, kind: str, balances: str | None) -> ListRow:
    sums = [balance.split(" ") for balance in (balances or "").split(",") if balance]
    shown = ", ".join(format_money(int(total), currency) for currency, total in sums)
    return ListRow((code,), code, (code, name, kind, shown or "nothing yet"))


def _reference(kind: str, title: str, about: str) -> LedgerList:
    """A kind of reference data, made from its fields."""
    found = KINDS[kind]

    def row(_: int, code: str, *values: Any) -> ListRow:
        shown = setup.shown(found, values)
        if not found.within:
            return ListRow((code,), code, (code, *shown))
        within = shown[[each.name for each in found.fields].index(found.within)]
        return ListRow((code, within), f"{within}/{code}", (code, *shown))

    def query(text: str, _: str) -> Query:
        return setup.query(found, text)

    return LedgerList(title, about, ("code", *(each.name for each in found.fields)), "record", query, row)


LISTS: Mapping[str, LedgerList] = {
    "sales": LedgerList(
        "Sales", "What the orders of the channels became. A sync brings them in.",
        ("sale", "date", "channel", "order", "customer", "total", "mark"), "sale", _sales, _sale,
        {
            "sale": Sort(("s.number",), "", False, lambda row: (row.name,)),
            "date": Sort(("s.sale_date", "s.id"), "erp_sale_by_date", True, lambda row: (row.cells[1], *row.key)),
        },
    ),
    "documents": LedgerList(
        "Documents", "Financial documents and their credits. A sale's steps issue them.",
        ("document", "when", "sale", "total", "credit of"), "sale", _of_sales(_DOCUMENTS, "d", "erp_document"),
        _document,
    ),
    "payments": LedgerList(
        "Payments", "Payments and what was returned of them. A sale's steps record them.",
        ("when", "sale", "kind", "account", "amount"), "sale", _of_sales(_PAYMENTS, "p", "erp_payment"), _payment,
    ),
    "requests": LedgerList(
        "Requests", "Goods that sales need and warehouses lack.",
        ("when", "sale", "item", "name", "pieces"), "sale", _requests, _request,
    ),
    "stock": LedgerList(
        "Stock", "What is on hand of each item in each warehouse, what of it is blocked for sales, and what is free.",
        ("item", "name", "warehouse", "on hand", "blocked", "free"), "item", _stock, _balance,
    ),
    "item": _reference("item", "Items", "Goods. Orders find them by code (SKU) or GTIN. "
                       "Many at once: chansync erp import items FILE."),
    "service": _reference("service", "Services", "What is sold and has no stock: shipping, fees."),
    "customers": LedgerList(
        "Customers", "Who buys. Imports create them, and find them again by their numbers, phone or e-mail.",
        ("number", "name", "type", "VAT number", "phone", "email"), "customer", _customers, _customer,
    ),
    "pos": _reference("pos", "POS", "Points of sale: where channels sell from, with a warehouse and currencies."),
    "payment-method": _reference("payment-method", "Payment methods", "How a POS is paid, and where the money goes."),
    "delivery-method": _reference("delivery-method", "Delivery methods", "How a POS delivers."),
    "warehouse": _reference("warehouse", "Warehouses", "Where goods are."),
    "account": LedgerList(
        "Accounts", "Bank accounts and cash desks, with what payments less returns have brought.",
        ("code", "name", "type", "balance"), "record", _accounts, _account,
    ),
    "user": _reference("user", "Users", "Merchants, in whose name sales are made, and who is told of problems."),
    "customer-type": _reference("customer-type", "Customer types", "What new customers are."),
    "sale-type": _reference("sale-type", "Types of sale", "What sales are."),
    "document-type": _reference("document-type", "Document types", "Kinds of financial documents: invoice, receipt."),
    "tax-transaction": _reference("tax-transaction", "Tax transactions", "Kinds of taxable deals, with their rates."),
}  # fmt: skip
