"""What of Tryton has to be switched on and set up, looked at from outside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from chansync.erp.remote import ErpIdentity, ErpRefused, Finding
from chansync.erp.tryton.company import DEFAULT_RECEIVABLE, Company, Options, load_company
from chansync.erp.tryton.documents import today
from chansync.erp.tryton.failures import RECEIVABLE, Refusal
from chansync.erp.tryton.goods import FORCE_GROUP
from chansync.erp.tryton.rpc import TrytonRpc

#: The modules without which no sale can be recorded, and what each is for.
_MODULES = {
    "sale": "sales",
    "web_shop": "the web shops that are POSs, and the order's id in the sale",
    "account_product": "what a product is booked to",
}

#: The modules of carriers: without both, a delivery method is text.
_CARRIERS = ("carrier", "sale_shipment_cost")

#: What is written, and the group that may.
_RIGHTS = {
    "party.party": "Party",
    "sale.sale": "Sales",
    "sale.line": "Sales",
    "stock.shipment.out": "Stock",
    "stock.move": "Stock",
    "account.invoice": "Accounting",
    "account.move": "Accounting",
}

_SERIES = "8."


async def check(rpc: TrytonRpc, options: Options) -> ErpIdentity:
    """``Remote.check``."""
    version = await rpc.server_version()
    await rpc.log_in()
    title, told = rpc.database, f"The server is Tryton {version}"
    active = {row["name"] for row in await rpc.search_read("ir.module", [["state", "=", "activated"]], ["name"])}
    missing = [f"{name} ({what})" for name, what in _MODULES.items() if name not in active]
    findings = [
        _told(version.startswith(_SERIES), f"{told}.", f"{told}; chansync was tried with {_SERIES}x.", "warn"),
        _told(
            not missing,
            "The modules that sales need are active.",
            f"These modules are not active: {', '.join(missing)}. Activate them in Tryton (Administration, Modules) or "
            "with trytond-admin -u.",
        ),
    ]
    if not missing:
        if carriers := " and ".join(name for name in _CARRIERS if name not in active):
            sentence = f"Without the modules {carriers} the delivery method is text in the sale's comment."
            findings.append(Finding("ok", sentence))
        try:
            company = await load_company(rpc, options)
        except Refusal:
            raise
        except ErpRefused as error:
            findings.append(Finding("bad", str(error)))
        else:
            title = f"{company.name} ({rpc.database})"
            findings += [finding async for finding in _of_user(rpc, company)]
            findings += [finding async for finding in _of_company(rpc, company)]
    return ErpIdentity(title, f"Tryton {version}", f"as {rpc.user}", tuple(findings))


def _told(is_fine: object, good: str, otherwise: str, word: str = "bad") -> Finding:
    """What is as it should be, or how it is otherwise and what to do."""
    return Finding("ok", good) if is_fine else Finding(word, otherwise)


async def _of_user(rpc: TrytonRpc, company: Company) -> AsyncIterator[Finding]:
    """What the user may do."""
    rights: dict[str, dict[str, Any]] = await rpc.call("model.ir.model.access.get_access", list(_RIGHTS))
    lacking = dict.fromkeys(
        group
        for model, group in _RIGHTS.items()
        if not all(rights.get(model, {}).get(right, True) for right in ("read", "write", "create"))
    )
    yield _told(
        not lacking,
        f"The user {rpc.user} may write sales, shipments and invoices.",
        f"The user {rpc.user} lacks the groups {', '.join(lacking)}. Add them in Tryton (Administration, Users).",
    )
    if company.options.negative_stock:
        group = await rpc.call("model.ir.model.data.get_id", "stock", "group_stock_force_assignment")
        yield _told(
            group in (rpc.context.get("groups") or []),
            "Goods that are not there may be issued.",
            f"The user {rpc.user} is not in the group {FORCE_GROUP}, so goods that are not there are not issued: add "
            "it, or switch negative_stock off.",
            "warn",
        )


async def _of_company(rpc: TrytonRpc, company: Company) -> AsyncIterator[Finding]:
    """How the company is set up."""
    bare = [name for name, row in company.shops.items() if not row["warehouses"]]
    yield _told(
        company.shops and not bare,
        f"Web shops: {', '.join(company.shops)}.",
        f"The web shops {', '.join(bare)} have no warehouse: give each one in Tryton."
        if bare
        else f"The company {company.name} has no web shop: each is a POS here. Create one in Tryton (Web Shop, Shops) "
        "and give it a warehouse.",
    )
    code = company.options.rounding
    await company.find_products(rpc, ())
    if (product := company.products.get(code)) is None or product.is_goods:
        yield Finding(
            "bad",
            f"There is no service of the code {code} that may be sold. Create one in Tryton, in an account category "
            "without taxes: it evens out what Tryton rounds otherwise than the shop.",
        )
    else:
        yield _told(
            company.rounds_by_line,
            f"Taxes are rounded line by line; the service {code} evens out the rest.",
            "Taxes are rounded over the whole document. Rounded per line, twice as many totals come out without a "
            "rounding line: set Tax Rounding in Tryton (Accounting, Configuration).",
            "warn",
        )
    yield _told(
        company.methods,
        f"Payment methods: {', '.join(company.methods)}.",
        "There is no payment method of invoices: create them in Tryton (Accounting, Configuration, Invoices).",
    )
    rates = {tax.rate: tax.percent for tax in sorted(company.taxes, key=lambda tax: tax.rate)}
    yield _told(
        rates,
        f"Taxes on sales, in percent: {', '.join(rates.values())}.",
        "The company has no tax on sales in percent: create those of the countries that you sell to.",
    )
    day = today()
    domain = [
        ["fiscalyear.company", "=", company.id], ["start_date", "<=", day], ["end_date", ">=", day],
        ["state", "=", "open"], ["type", "=", "standard"],
    ]  # fmt: skip
    if periods := await rpc.search_read("account.period", domain, ["fiscalyear"], limit=1):
        of_year = [["fiscalyear", "=", periods[0]["fiscalyear"]]]
        yield _told(
            await rpc.search_read("account.fiscalyear.invoice_sequence", of_year, ["id"], limit=1),
            "A fiscal year with an open period covers today.",
            "The fiscal year of today has no invoice sequences: add them in Tryton.",
        )
    else:
        yield Finding(
            "bad",
            "No fiscal year has an open period for today, so no invoice can be posted. Create it in Tryton "
            "(Accounting, Configuration, Fiscal Years).",
        )
    # What is booked to where nothing else is said.
    exchange = ["currency_exchange_journal", "currency_exchange_debit_account", "currency_exchange_credit_account"]
    (books,) = await rpc.read("account.configuration", [1], [*exchange, DEFAULT_RECEIVABLE])
    yield _told(
        books[DEFAULT_RECEIVABLE],
        "New parties have a receivable account.",
        f"No receivable account is set for new parties, so their sales cannot be processed. {RECEIVABLE}",
    )
    yield _told(
        all(books[name] for name in exchange),
        f"The books can take currencies other than {company.currency}.",
        f"The accounts for currency exchange are not set: invoices in other currencies than {company.currency} cannot "
        "be paid. Set them in Tryton (Accounting, Configuration).",
        "warn",
    )
    told = f"Unit prices have {company.price_digits} decimals."
    # No advice to change it: Tryton does not start with another number than its database was made with.
    fewer = f"{told} In a database that is made with price_decimal = 6, fewer sales need a rounding line."
    yield _told(company.price_digits >= 6, told, fewer, "ok")
    yield _told(
        company.countries,
        f"{len(company.countries)} countries are known.",
        "Tryton knows no countries, so addresses lack theirs: run trytond_import_countries on its server (it needs "
        "the Python packages pycountry and proteus).",
        "warn",
    )
    yield _told(
        company.employees,
        f"Merchants: {', '.join(company.employees)}.",
        f"The user {rpc.user} acts for no employee, so sales name no merchant. To change that, add employees to the "
        "user in Tryton.",
        "ok",
    )
