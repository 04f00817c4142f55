"""Settlement reports: every amount exact, whatever the country's way of writing, or no settlement at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.demo.amazon.settlements import COLUMNS
from chansync.model.errors import DataError
from chansync.model.settlement import SettledKind
from chansync.platforms.amazon.settlements import read_settlement

HEAD = {
    "settlement-id": "7", "settlement-start-date": "01.11.2026 10:00:00 UTC",
    "settlement-end-date": "15.11.2026 10:00:00 UTC", "deposit-date": "17.11.2026 10:00:00 UTC",
    "total-amount": "0", "currency": "EUR",
}  # fmt: skip


def report(*rows: dict[str, str], **head: str) -> bytes:
    told = [dict.fromkeys(COLUMNS), HEAD | head, *({"settlement-id": "7"} | row for row in rows)]
    told[0] = {name: name for name in COLUMNS}
    return "\n".join("\t".join(row.get(name) or "" for name in COLUMNS) for row in told).encode()


def row(amount: str, transaction: str = "Order", amount_type: str = "ItemPrice", description: str = "Principal",
        order: str = "902-1") -> dict[str, str]:  # fmt: skip
    return {
        "amount": amount, "transaction-type": transaction, "amount-type": amount_type,
        "amount-description": description, "order-id": order,
    }  # fmt: skip


def written(amount: Decimal, point: str, group: str) -> str:
    whole, _, decimals = f"{abs(amount):.2f}".partition(".")
    digits = f"{int(whole):,}".replace(",", group)
    return f"{'-' if amount < 0 else ''}{digits}{point}{decimals}"


@given(
    amounts=st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=30),
    form=st.sampled_from([(".", ","), (".", ""), (",", "."), (",", ""), (",", "\u00a0"), (".", "'")]),
)
def test_amounts_are_exact_in_every_country(amounts: list[Decimal], form: tuple[str, str]) -> None:
    settlement = read_settlement("1", report(*(row(written(amount, *form)) for amount in amounts),
                                             **{"total-amount": written(sum(amounts), *form)}))  # fmt: skip
    assert [line.amount for line in settlement.lines] == amounts
    assert settlement.total == sum(amounts)


@pytest.mark.parametrize(
    ("amounts", "read"),
    [
        (("1,234", "-5"), (1234, -5)),
        (("1.234", "10"), (1234, 10)),
        (("12,5",), (Decimal("12.5"),)),
        (("+3.10",), (Decimal("3.1"),)),
    ],
)
def test_amounts_without_decimals(amounts: tuple[str, ...], read: tuple[Decimal, ...]) -> None:
    assert tuple(line.amount for line in read_settlement("1", report(*map(row, amounts))).lines) == read


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "lacks the columns settlement-id"),
        (b"a\tb\n1\t2\n", "lacks the columns"),
        (b"<html>Sign in</html>\n1", "lacks the columns"),
        (report(currency="Euro"), "does not begin with"),
        (report(row("x")), "the amount in row 3 is not an amount"),
        (report(row("")), "the amount in row 3 is not an amount"),
        (report(row("1.50"), row("1,50")), "behind commas and behind points"),
        (report(row("1.2345,00")), "not an amount"),
        (report(row("1") | {"settlement-id": "8"}), "rows of another settlement: 8"),
    ],
)
def test_what_cannot_be_read_is_said_and_counts_for_nothing(data: bytes, said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_settlement("1", data)


@pytest.mark.parametrize(
    ("transaction", "amount_type", "description", "order", "kind"),
    [
        ("Order", "ItemPrice", "Principal", "902-1", SettledKind.SALE),
        ("Order", "ItemPrice", "ShippingTax", "902-1", SettledKind.SALE),
        ("Order", "Promotion", "Shipping", "902-1", SettledKind.SALE),
        ("Order", "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", "902-1", SettledKind.TAX),
        ("Order", "ItemFees", "Commission", "902-1", SettledKind.FEE),
        ("Order", "Order Fee", "", "902-1", SettledKind.FEE),
        ("Refund", "ItemPrice", "Principal", "902-1", SettledKind.REFUND),
        ("Refund", "ItemFees", "RefundCommission", "902-1", SettledKind.FEE),
        ("Chargeback Refund", "ItemPrice", "Principal", "902-1", SettledKind.REFUND),
        ("A-to-z Guarantee Refund", "ItemPrice", "Principal", "902-1", SettledKind.REFUND),
        ("other-transaction", "other-transaction", "Current Reserve Amount", "", SettledKind.RESERVE),
        ("other-transaction", "other-transaction", "Previous Reserve Amount Balance", "", SettledKind.RESERVE),
        ("ServiceFee", "Cost of Advertising", "TransactionTotalAmount", "", SettledKind.OTHER),
        ("other-transaction", "FBA Inventory Reimbursement", "WAREHOUSE_DAMAGE", "", SettledKind.OTHER),
        ("other-transaction", "other-transaction", "Subscription Fee", "", SettledKind.OTHER),
        ("something new", "ItemPrice", "Principal", "902-1", SettledKind.OTHER),
    ],
)  # fmt: skip
def test_kinds(transaction: str, amount_type: str, description: str, order: str, kind: SettledKind) -> None:
    settlement = read_settlement("1", report(row("1.00", transaction, amount_type, description, order)))
    assert settlement.lines[0].kind is kind


@pytest.mark.parametrize("written", ["17.11.2026 10:00:00 UTC", "2026-11-17 10:00:00 UTC", "2026-11-17T11:00:00+01:00"])
def test_days(written: str) -> None:
    assert read_settlement("1", report(**{"deposit-date": written})).deposited_at == 1_794_909_600_000


def test_letters_of_either_code_page_and_quotes_are_kept() -> None:
    wanted = 'Gebühr "groß"'
    for encoding in ("utf-8-sig", "cp1252"):
        data = report(row("1.00", description=wanted)).decode().encode(encoding)
        assert read_settlement("1", data).lines[0].description == wanted
