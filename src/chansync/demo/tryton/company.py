"""A company in an empty Tryton: what a person would enter there before the first sale, over JSON-RPC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from chansync.erp.tryton.rpc import TrytonRpc

#: Codes of currencies, their digits, and what one euro is worth.
_CURRENCIES = {
    "EUR": (2, "1"), "USD": (2, "1.10"), "GBP": (2, "0.85"), "BGN": (2, "1.95583"), "CHF": (2, "0.95"),
    "SEK": (2, "11.2"), "PLN": (2, "4.3"), "JPY": (0, "160"), "KWD": (3, "0.33"),
}  # fmt: skip

_COUNTRIES = (
    "AT BE BG CA CH CZ DE DK ES FI FR GB GR HU IE IT JP LU NL NO PL PT RO SE SK US".split()
)  # fmt: skip

#: Percent.
RATES = ("20", "19", "9", "7", "21", "23", "22", "8", "5.5", "10", "5", "6", "25", "0")

#: The groups that the user of chansync needs, by the module that brings them.
_GROUPS = ("group_sale", "group_stock", "group_account")

_DEFAULT_RATE = "19"


@dataclass(frozen=True, slots=True)
class Goods:
    """An item to be sold.

    Attributes:
        pieces: in the first warehouse.
    """

    code: str
    name: str
    pieces: int
    gtin: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the company shall have beside its books.

    Attributes:
        services: codes and names.
        shops: names of web shops, each with the first warehouse.
        user, password: of chansync's own user there.
    """

    goods: Sequence[Goods]
    user: str
    password: str
    services: Sequence[tuple[str, str]] = (("SHIPPING", "Shipping"), ("FEE", "Fee"))
    shops: Sequence[str] = ("Web shop",)
    methods: Sequence[str] = ("Bank transfer", "Cash", "Card", "PayPal")
    carriers: Sequence[str] = ("Courier", "Pickup")


async def set_up(rpc: TrytonRpc, wanted: Wanted, tell: Callable[[str], None] = lambda _: None) -> None:
    """Make the company; ``rpc`` is the administrator's.

    Args:
        tell: hears of each part that begins.
    """
    tell("currencies and countries")
    await _places(rpc)
    tell("company, accounts and taxes")
    books = await _books(rpc)
    tell("fiscal years")
    await _fiscal_years(rpc, books)
    await _methods(rpc, wanted, books)
    tell(f"{len(wanted.goods)} items")
    categories = await _categories(rpc, books)
    await _products(rpc, wanted, categories)
    await _stock(rpc, wanted)
    await _shops(rpc, wanted, books)
    await _user(rpc, wanted, books)


async def _id_of(rpc: TrytonRpc, module: str, name: str) -> int:
    """The record that a module has under that name of its own."""
    found: int = await rpc.call("model.ir.model.data.get_id", module, name)
    return found


async def _places(rpc: TrytonRpc) -> None:
    await rpc.create("country.country", [{"code": code, "name": code} for code in _COUNTRIES])
    await rpc.create(
        "currency.currency",
        [
            {
                "name": code, "code": code, "symbol": code, "digits": digits,
                "rounding": Decimal(1).scaleb(-digits),
                "rates": [["create", [{"date": date(2020, 1, 1), "rate": Decimal(rate)}]]],
            }
            for code, (digits, rate) in _CURRENCIES.items()
        ],
    )  # fmt: skip


@dataclass(slots=True)
class _Books:
    company: int
    accounts: dict[str, int]
    taxes: dict[str, int]
    currency: int
    employee: int = 0


async def _books(rpc: TrytonRpc) -> _Books:
    """The company, its chart of accounts and its taxes."""
    (euro,) = await rpc.search_read("currency.currency", [["code", "=", "EUR"]], ["id"])
    party, clerk = await rpc.create("party.party", [{"name": "Demo company"}, {"name": "Mary Merchant"}])
    (company,) = await rpc.create("company.company", [{"party": party, "currency": euro["id"]}])
    (employee,) = await rpc.create("company.employee", [{"party": clerk, "company": company}], company=company)
    users = await rpc.search_read("res.user", [["login", "=", "admin"]], ["id"])
    await rpc.write("res.user", [users[0]["id"]], {"companies": [["add", [company]]], "company": company})
    await rpc.log_in()
    accounts = await _accounts(rpc, company)
    rates = {
        rate: {
            "name": f"VAT {rate} %", "description": f"VAT {rate} %", "type": "percentage",
            "rate": Decimal(rate) / 100, "invoice_account": accounts["tax"], "credit_note_account": accounts["tax"],
            "company": company,
        }
        for rate in RATES
    }  # fmt: skip
    ids = await rpc.create("account.tax", list(rates.values()))
    return _Books(company, accounts, dict(zip(rates, ids, strict=True)), euro["id"], employee)


async def _accounts(rpc: TrytonRpc, company: int) -> dict[str, int]:
    template = await _id_of(rpc, "account", "account_template_root_en")
    wizard, _, _ = await rpc.call("wizard.account.create_chart.create")
    method = "wizard.account.create_chart.execute"
    data: dict[str, Any] = {"account": {"company": company, "account_template": template}}
    await rpc.call(method, wizard, data, "create_account")
    found: dict[str, int] = {}
    for kind in ("receivable", "payable", "revenue", "expense"):
        domain = [[f"type.{kind}", "=", True], ["company", "=", company], ["closed", "!=", True]]
        if kind in ("receivable", "payable"):
            domain.append(["party_required", "=", True])
        found[kind] = (await rpc.search_read("account.account", domain, ["id"], limit=1))[0]["id"]
    for kind, code in (("cash", "1.1.1"), ("tax", "6.3.6")):
        domain = [["code", "=", code], ["company", "=", company]]
        found[kind] = (await rpc.search_read("account.account", domain, ["id"], limit=1))[0]["id"]
    data["properties"] = {
        "company": company, "account_receivable": found["receivable"], "account_payable": found["payable"],
        "category_account_expense": found["expense"], "category_account_revenue": found["revenue"],
    }  # fmt: skip
    await rpc.call(method, wizard, data, "create_properties")
    await rpc.call("wizard.account.create_chart.delete", wizard)
    exchange = {
        "currency_exchange_debit_account": found["expense"],
        "currency_exchange_credit_account": found["revenue"],
    }
    await rpc.write("account.configuration", [1], exchange | {"tax_rounding": "line"})
    return found


async def _fiscal_years(rpc: TrytonRpc, books: _Books) -> None:
    """From six years ago to the next: a store has orders from before."""
    kinds = await rpc.search_read("ir.sequence.type", [["name", "in", ["Invoice", "Account Move"]]], ["name"])
    kind_of = {kind["name"]: kind["id"] for kind in kinds}
    this_year = date.today().year  # noqa: DTZ011 - any day of the year
    for year in range(this_year - 6, this_year + 2):
        moves, invoices = await rpc.create(
            "ir.sequence.strict",
            [
                {"name": f"{name} {year}", "sequence_type": kind_of[name], "company": books.company}
                for name in ("Account Move", "Invoice")
            ],
        )
        sequences = dict.fromkeys(
            ("out_invoice_sequence", "in_invoice_sequence", "out_credit_note_sequence", "in_credit_note_sequence"),
            invoices,
        )
        (own,) = await rpc.create(
            "account.fiscalyear",
            [
                {
                    "name": str(year), "start_date": date(year, 1, 1), "end_date": date(year, 12, 31),
                    "company": books.company, "move_sequence": moves,
                    "invoice_sequences": [["create", [sequences | {"company": books.company}]]],
                }
            ],
        )  # fmt: skip
        await rpc.call("model.account.fiscalyear.create_period", [own])


async def _methods(rpc: TrytonRpc, wanted: Wanted, books: _Books) -> None:
    (journal,) = await rpc.search_read("account.journal", [["type", "=", "cash"]], ["id"], limit=1)
    cash = books.accounts["cash"]
    await rpc.create(
        "account.invoice.payment.method",
        [
            {
                "name": name, "journal": journal["id"], "credit_account": cash, "debit_account": cash,
                "company": books.company,
            }
            for name in wanted.methods
        ],
    )  # fmt: skip
    (term,) = await rpc.create(
        "account.invoice.payment_term", [{"name": "At once", "lines": [["create", [{"type": "remainder"}]]]}]
    )
    await rpc.write("account.configuration", [1], {"default_customer_payment_term": term})


async def _categories(rpc: TrytonRpc, books: _Books) -> tuple[int, int]:
    """The categories of what is taxed, and of what never is."""
    common = {
        "accounting": True, "account_expense": books.accounts["expense"], "account_revenue": books.accounts["revenue"],
    }  # fmt: skip
    taxed, free = await rpc.create(
        "product.category",
        [
            common | {"name": "Goods", "customer_taxes": [["add", [books.taxes[_DEFAULT_RATE]]]]},
            common | {"name": "Without tax"},
        ],
    )
    return taxed, free


async def _products(rpc: TrytonRpc, wanted: Wanted, categories: tuple[int, int]) -> None:
    taxed, free = categories
    (unit,) = await rpc.search_read("product.uom", [["name", "=", "Unit"]], ["id"])

    def template(code: str, name: str, kind: str, category: int, gtin: str = "") -> dict[str, Any]:
        product: dict[str, Any] = {"suffix_code": code, "cost_price": Decimal(5)}
        if gtin:
            product["identifiers"] = [["create", [{"type": "ean", "code": gtin}]]]
        return {
            "name": name, "type": kind, "default_uom": unit["id"], "sale_uom": unit["id"], "salable": True,
            "list_price": Decimal(10), "account_category": category, "products": [["create", [product]]],
        }  # fmt: skip

    rows = [template(each.code, each.name, "goods", taxed, each.gtin) for each in wanted.goods]
    rows += [template(code, name, "service", taxed) for code, name in wanted.services]
    rows.append(template("ROUNDING", "Rounding", "service", free))
    for start in range(0, len(rows), 50):
        await rpc.create("product.template", rows[start : start + 50])


async def _stock(rpc: TrytonRpc, wanted: Wanted) -> None:
    """Two warehouses, W1 with all the goods and W2 with none."""
    (first,) = await rpc.search_read(
        "stock.location", [["type", "=", "warehouse"]], ["storage_location", "input_location", "output_location"]
    )
    await rpc.write("stock.location", [first["id"]], {"code": "W1", "name": "Main warehouse"})
    parts = ("input", "output", "storage")
    places = await rpc.create("stock.location", [{"name": f"Second {part}", "type": "storage"} for part in parts])
    own = {f"{part}_location": place for part, place in zip(parts, places, strict=True)}
    await rpc.create("stock.location", [own | {"name": "Second warehouse", "type": "warehouse", "code": "W2"}])
    codes = {each.code: each.pieces for each in wanted.goods if each.pieces}
    products = await rpc.search_read("product.product", [["code", "in", list(codes)]], ["code"])
    lines = [{"product": row["id"], "quantity": float(codes[row["code"]])} for row in products]
    (inventory,) = await rpc.create(
        "stock.inventory", [{"location": first["storage_location"], "lines": [["create", lines]]}]
    )
    await rpc.call("model.stock.inventory.confirm", [inventory])


async def _shops(rpc: TrytonRpc, wanted: Wanted, books: _Books) -> None:
    (warehouse,) = await rpc.search_read("stock.location", [["type", "=", "warehouse"], ["code", "=", "W1"]], ["id"])
    (carriage,) = await rpc.search_read("product.product", [["code", "=", "SHIPPING"]], ["id"])
    parties = await rpc.create("party.party", [{"name": name} for name in wanted.carriers])
    await rpc.create("carrier", [{"party": party, "carrier_product": carriage["id"]} for party in parties])
    await rpc.create(
        "web.shop",
        [
            {
                "name": name, "company": books.company, "currency": books.currency,
                "warehouses": [["add", [warehouse["id"]]]],
            }
            for name in wanted.shops
        ],
    )  # fmt: skip
    (rule,) = await rpc.create("account.tax.rule", [{"name": "Domestic", "kind": "sale", "company": books.company}])
    line = {"rule": rule, "tax": books.taxes[_DEFAULT_RATE], "keep_origin": False}
    await rpc.create("account.tax.rule.line", [line])
    await rpc.create("party.category", [{"name": "Web customer"}])


async def _user(rpc: TrytonRpc, wanted: Wanted, books: _Books) -> None:
    """The user that chansync logs in as, with just the groups that it needs."""
    groups = [await _id_of(rpc, group.removeprefix("group_"), group) for group in _GROUPS]
    await rpc.create(
        "res.user",
        [
            {
                "name": wanted.user, "login": wanted.user, "password": wanted.password,
                "groups": [["add", groups]], "companies": [["add", [books.company]]], "company": books.company,
                "employees": [["add", [books.employee]]], "employee": books.employee,
            }
        ],
    )  # fmt: skip
