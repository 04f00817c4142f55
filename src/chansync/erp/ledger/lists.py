"""The ledger's lists for screens: sales, journals, stock, customers and reference data, a page at a time.

A list is a query with an order that an index has, and a row is its texts: what belongs to it is named by its code, its
customer's id or its sale's number. ``LISTS`` has them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import apsw

from chansync.erp.ledger import journal, setup
from chansync.erp.ledger.setup_kinds import KINDS
from chansync.erp.papers import DocumentRow, ListRow, PaymentRow, RequestRow, SaleRow
from chansync.model.money import format_money
from chansync.model.order import bare_number
from chansync.model.paging import Key, Query, Span, holds, storable


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

    def row(*columns: Any) -> ListRow:
        made = found.row(*columns)
        return replace(made, key=sort.key(made))

    yield from query.sorted(sort.order, sort.index, descending=sort.descending).parts(db, span, row)


def _narrowed(query: Query, columns: tuple[str, ...], text: str, walk: str = "") -> Query:
    """The query narrowed to rows of which one of those columns holds the text; with no text, as it is."""
    if text:
        condition, parameters = holds(columns, text)
        query.narrow(condition, *parameters)
        query.walk = walk
    return query


# Sales and journals: the newest first

_SALES = journal.SALES.replace("erp_sale s", "erp_sale s INDEXED BY erp_sale_listed")

# The sales whose number begins with the text.
_NUMBERED = "SELECT n.id FROM erp_sale n WHERE n.number >= ? AND n.number < ? LIMIT 200"


def _sales(text: str, _: str) -> Query:
    bare = bare_number(storable(text))
    walk = "erp_sale s INDEXED BY erp_sale_listed"
    query = _narrowed(Query(_SALES, ("s.id",), True, [], []), ("s.number", "s.order_number"), bare, walk)
    if text:
        query.likely = _numbered(_SALES.replace("INDEXED BY erp_sale_listed", "NOT INDEXED"), "s.id", "s.id", bare)
    return query


def _numbered(select: str, order: str, sale: str, bare: str) -> Query:
    """The list narrowed to sales whose number begins with that; ``sale`` is the column with the sale's id."""
    return Query(select, (order,), True, [f"{sale} IN ({_NUMBERED})"], [bare, f"{bare}\U0010ffff"])


def _of_sales(name: str) -> Callable[[str, str], Query]:
    """A journal by its ids, narrowed to sales whose own or whose order's number holds the text."""
    select, alias, _, conditions = journal.JOURNALS[name]
    table = f"erp_{name.removesuffix('s')}"

    def query(text: str, _: str) -> Query:
        made = Query(select, (f"{alias}.id",), True, [*conditions], [])
        # A condition is on what no index finds: most requests of the past are fulfilled.
        made.walk = f"{table} {alias}" if text or conditions else ""
        if text:
            bare = bare_number(storable(text))
            condition, parameters = holds(("x.number", "x.order_number"), bare)
            made.narrow(
                f"EXISTS (SELECT 1 FROM erp_sale x INDEXED BY erp_sale_listed WHERE x.id = {alias}.sale_id "
                f"AND {condition})",
                *parameters,
            )
            by_sale = select.replace(f"{table} {alias}", f"{table} {alias} INDEXED BY {table}_by_sale", 1)
            made.likely = _numbered(by_sale, f"{alias}.id", f"{alias}.sale_id", bare)
            made.likely.conditions += conditions
        return made

    return query


def _row(make: Callable[..., SaleRow | DocumentRow | PaymentRow | RequestRow]) -> Callable[..., ListRow]:
    return lambda entry, *values: make(*values).listed((entry,))


_CUSTOMERS = """
    SELECT c.id, c.name, c.customer_type, c.vat_number, c.phone, c.email FROM erp_customer c
"""


def _customers(text: str, _: str) -> Query:
    columns = ("c.name", "c.email", "c.phone", "c.vat_number", "c.uic")
    return _narrowed(Query(_CUSTOMERS, ("c.id",), True, [], []), columns, text, "erp_customer c")


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
    return _narrowed(query, ("i.code", "i.name"), text, "erp_item i CROSS JOIN erp_warehouse w")


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
    return _narrowed(Query(_ACCOUNTS, ("a.code",), False, [], []), ("a.code", "a.name"), text)


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
        ("sale", "date", "channel", "order", "customer", "total", "mark"), "sale", _sales,
        _row(SaleRow),
        {
            "sale": Sort(("s.number",), "", False, lambda row: (row.name,)),
            "date": Sort(("s.sale_date", "s.id"), "erp_sale_by_date", True, lambda row: (row.cells[1], *row.key)),
        },
    ),
    "documents": LedgerList(
        "Documents", "Financial documents and their credits. A sale's steps issue them.",
        ("document", "when", "sale", "total", "credit of"), "sale",
        _of_sales("documents"), _row(DocumentRow),
    ),
    "payments": LedgerList(
        "Payments", "Payments and what was returned of them. A sale's steps record them.",
        ("when", "sale", "kind", "account", "amount"), "sale",
        _of_sales("payments"), _row(PaymentRow),
    ),
    "requests": LedgerList(
        "Requests", "Goods that sales need and warehouses lack.",
        ("when", "sale", "item", "name", "pieces"), "sale",
        _of_sales("requests"), _row(RequestRow),
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
