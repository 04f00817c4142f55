"""What a connection knows of the company in Tryton: shops, taxes, currencies, methods; and the products asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from chansync.erp.remote import ErpRefused
from chansync.erp.tryton.rpc import Row, TrytonRpc

#: Products that are asked for in one call.
_AT_ONCE = 500

#: The field of ``account.configuration`` with the account of parties that have none of their own.
DEFAULT_RECEIVABLE = "default_account_receivable"

_PRODUCT = ("code", "name", "type", "default_uom", "account_category")


@dataclass(frozen=True, slots=True)
class Options:
    """What is entered when a Tryton is connected, beside address and password.

    Attributes:
        company: its name; empty: the user's own, or the only one.
        rounding: code of the service that evens out what Tryton rounds otherwise than the shop.
        negative_stock: whether goods are issued that the warehouse does not have.
    """

    company: str = ""
    rounding: str = "ROUNDING"
    negative_stock: bool = False


@dataclass(frozen=True, slots=True)
class Tax:
    """A tax on sales; ``rate`` is a fraction: 0.19."""

    id: int
    rate: Decimal

    @property
    def percent(self) -> str:
        """The rate in percent, for people and for channels: ``19``."""
        return f"{(self.rate * 100).normalize():f}"


@dataclass(frozen=True, slots=True)
class Product:
    """What a line needs of a product. ``taxes``: ids of those that its category asks for."""

    id: int
    name: str
    unit: int
    is_goods: bool
    taxes: tuple[int, ...] = ()


@dataclass(slots=True)
class Company:
    """The company that is sold for.

    Attributes:
        shops: the web shops that sell, by name; each has ``id`` and ``warehouses``.
        shop_names: by id, also of those that sell no more.
        currencies, digits: by currency code.
        sells_in: codes of the currencies that are used now.
        warehouses: by code, else by name; each has ``id``.
        methods: payment methods by name.
        journals: of payment methods, by their names.
        carriers: by name; empty where there are none.
        employees: by name: those that the user of chansync may act for.
        tax_rules: by name.
        categories: of parties, by name.
        rounds_by_line: whether taxes are rounded line by line, else over the document.
        price_digits: how many decimals a unit price has.
        has_carriers: whether sales have a carrier.
        has_packages: whether shipments are packed, and each package has a number of its carrier.
        has_supply: whether Tryton asks purchasing by itself for what is sold.
    """

    id: int
    name: str
    options: Options
    currency: str = ""
    shops: dict[str, Row] = field(default_factory=dict)
    shop_names: dict[int, str] = field(default_factory=dict)
    taxes: list[Tax] = field(default_factory=list)
    currencies: dict[str, int] = field(default_factory=dict)
    digits: dict[str, int] = field(default_factory=dict)
    sells_in: list[str] = field(default_factory=list)
    countries: dict[str, int] = field(default_factory=dict)
    warehouses: dict[str, Row] = field(default_factory=dict)
    methods: dict[str, int] = field(default_factory=dict)
    journals: dict[str, int] = field(default_factory=dict)
    carriers: dict[str, int] = field(default_factory=dict)
    employees: dict[str, int] = field(default_factory=dict)
    tax_rules: dict[str, int] = field(default_factory=dict)
    categories: dict[str, int] = field(default_factory=dict)
    rounds_by_line: bool = False
    price_digits: int = 4
    has_carriers: bool = False
    has_packages: bool = False
    has_supply: bool = False
    products: dict[str, Product] = field(default_factory=dict)
    _category_taxes: dict[int, tuple[int, ...]] = field(default_factory=dict)

    def code_of_warehouse(self, warehouse_id: int | None) -> str:
        """The code of a warehouse; empty where it is none of the company's."""
        return next((code for code, row in self.warehouses.items() if row["id"] == warehouse_id), "")

    async def find_products(self, rpc: TrytonRpc, codes: Iterable[str]) -> None:
        """Learn the products of those codes, and the rounding service; what is not there stays unknown."""
        missing = sorted({code for code in (*codes, self.options.rounding) if code} - self.products.keys())
        for start in range(0, len(missing), _AT_ONCE):
            domain = [["code", "in", missing[start : start + _AT_ONCE]], ["salable", "=", True]]
            rows = await rpc.search_read("product.product", domain, _PRODUCT)
            new = {row["account_category"] for row in rows} - {None, *self._category_taxes}
            for row in await rpc.read("product.category", sorted(new), ["customer_taxes_used"]):
                self._category_taxes[row["id"]] = tuple(row["customer_taxes_used"] or ())
            for row in rows:
                product = Product(
                    row["id"], row["name"] or row["code"], row["default_uom"], row["type"] != "service",
                    self._category_taxes.get(row["account_category"], ()),
                )  # fmt: skip
                self.products.setdefault(row["code"], product)


async def load_company(rpc: TrytonRpc, options: Options) -> Company:
    """Log in, and learn everything that sales of the company need.

    Raises:
        ErpError: it cannot be reached, does not let us in, or there is no such company.
    """
    await rpc.log_in()
    company = await _company(rpc, options)
    rpc.context["company"] = company.id
    of_company = ["company", "=", company.id]
    find = rpc.search_read
    # Sales of earlier days may be in a currency, and of a shop, that is not used any more.
    used_or_not = ["active", "in", [True, False]]
    for row in await find("currency.currency", [used_or_not], ["code", "digits", "active"], order=[["active", "ASC"]]):
        company.currencies[row["code"]], company.digits[row["code"]] = row["id"], row["digits"]
        if row["active"]:
            company.sells_in.append(row["code"])
    company.countries = {row["code"]: row["id"] for row in await find("country.country", [], ["code"]) if row["code"]}
    for row in await find("stock.location", [["type", "=", "warehouse"]], ["code", "name"]):
        company.warehouses.setdefault(row["code"] or row["name"], row)
    domain = [
        of_company, ["parent", "=", None], ["type", "=", "percentage"],
        ["OR", ["group", "=", None], ["group.kind", "in", ["sale", "both"]]],
    ]  # fmt: skip
    taxes = await find("account.tax", domain, ["rate", "childs"])
    company.taxes = [Tax(row["id"], row["rate"]) for row in taxes if not row["childs"]]
    (books,) = await rpc.read("account.configuration", [1], ["tax_rounding"])
    company.rounds_by_line = books["tax_rounding"] == "line"
    shops = await find("web.shop", [of_company, used_or_not], ["name", "warehouses", "active"])
    company.shops = {row["name"]: row for row in shops if row["active"]}
    company.shop_names = {row["id"]: row["name"] for row in shops}
    methods = await find("account.invoice.payment.method", [of_company], ["name", "journal"])
    company.methods = _by_name(methods)
    journals = {row["id"]: row["journal"] for row in methods}
    company.journals = {name: journals[own] for name, own in company.methods.items()}
    rules = await find("account.tax.rule", [of_company, ["kind", "in", ["sale", "both"]]], ["name"])
    company.tax_rules = _by_name(rules)
    company.categories = _by_name(await find("party.category", [], ["name"]))
    company.has_carriers = bool(await rpc.call("model.sale.sale.fields_get", ["carrier"]))
    if company.has_carriers:
        company.carriers = _by_name(await find("carrier", [], ["party.name"]))
    users = await find("res.user", [["login", "=", rpc.user]], ["employees"], limit=1)
    employees = [["id", "in", users[0]["employees"] if users else []], of_company]
    company.employees = _by_name(await find("company.employee", employees, ["party.name"]))
    company.has_packages = bool(await rpc.call("model.stock.shipment.out.fields_get", ["shipping_reference"]))
    of_lines = await rpc.call("model.sale.line.fields_get", ["unit_price", "supply_state"])
    company.has_supply = "supply_state" in of_lines
    # Written as JSON in JSON: "[null, 6]".
    digits = json.loads(of_lines["unit_price"].get("digits") or "[null, 4]")[1]
    company.price_digits = digits if isinstance(digits, int) else 4
    return company


async def _company(rpc: TrytonRpc, options: Options) -> Company:
    allowed = rpc.context.get("companies") or []
    rows = await rpc.search_read("company.company", [["id", "in", allowed]], ["party.name", "currency.code"])
    named = {row["party."]["name"]: row for row in rows}
    if options.company and options.company not in named:
        known = ", ".join(sorted(named)) or "none"
        raise ErpRefused(f"The user {rpc.user} belongs to no company {options.company} in Tryton, but to: {known}.")
    own = [row for row in rows if row["id"] == rpc.context.get("company")]
    row = named.get(options.company) or next(iter(own or rows), None)
    if row is None:
        raise ErpRefused(
            f"The user {rpc.user} belongs to no company. In Tryton, create the company if there is none yet (Company, "
            "Companies), then open the user (Administration, Users) and add it under Access Permissions."
        )
    return Company(row["id"], row["party."]["name"], options, row["currency."]["code"])


def _by_name(rows: Sequence[Row]) -> dict[str, int]:
    """Name, or that of the party → id; of two with one name the second gets its id behind the name."""
    found: dict[str, int] = {}
    for row in rows:
        own = row.get("party.", row)["name"] or str(row["id"])
        found[own if own not in found else f"{own} ({row['id']})"] = row["id"]
    return found
