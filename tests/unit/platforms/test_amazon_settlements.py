"""Settlement reports: every amount exact, whatever the country's way of writing, or no settlement at all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.demo.amazon.settlements import COLUMNS
from chansync.model.errors import DataError
from chansync.model.reports import SettledKind
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
        (report(row("1.50"), row("1.234.567")), "not an amount"),
        (report(row("1,50"), row("1,234")), "not an amount"),
        (report(row("1.234 567")), "not an amount"),
        (report(row("(1.50)")), "not an amount"),
        (
            report(row("1.00", description="Gebühr\tgroß") | {"promotion-id": "7"}),
            "row 3 has 25 cells, and there are 24",
        ),
        (report(row("1.00", description="Gebühr\tgroß")), "the amount in row 3 is not an amount: 'groß'"),
        (report(row("1.00"), row("1.00"))[:-13], "the amount in row 4 is not an amount"),
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


#: A fortnight with all that Amazon settles beside plain sales: transaction, amount type, description, order, amount.
FORTNIGHT = [
    ("other-transaction", "other-transaction", "Previous Reserve Amount Balance", "", "1.200,00"),
    ("Order", "ItemPrice", "Principal", "902-1", "119,00"),
    ("Order", "ItemPrice", "Tax", "902-1", "22,61"),
    ("Order", "ItemPrice", "GiftWrap", "902-1", "3,50"),
    ("Order", "Promotion", "Shipping", "902-1", "-4,99"),
    ("Order", "ItemWithheldTax", "MarketplaceFacilitatorVAT-Principal", "902-1", "-22,61"),
    ("Order", "ItemWithheldTax", "LowValueGoodsTax-Shipping", "902-1", "-0,01"),
    ("Order", "ItemFees", "FBAPerUnitFulfillmentFee", "902-1", "-3,22"),
    ("Order", "ShipmentFees", "FBA transportation fee", "902-1", "-0,40"),
    ("Order", "OrderFees", "ShippingHB", "902-1", "-0,02"),
    ("Refund", "ItemPrice", "Principal", "902-2", "-50,00"),
    ("Refund", "ItemPrice", "Goodwill", "902-2", "-5,00"),
    ("Refund", "ItemPrice", "RestockingFee", "902-2", "10,00"),
    ("Refund", "ItemWithheldTax", "MarketplaceFacilitatorTax-Principal", "902-2", "8,00"),
    ("Refund", "ItemFees", "RefundCommission", "902-2", "-1,50"),
    ("A-to-z Guarantee Refund", "ItemPrice", "Principal", "902-3", "-75,10"),
    ("Chargeback Refund", "ItemPrice", "Principal", "902-4", "-12.345,67"),
    ("Order", "ItemPrice", "Principal", "S01-1234567-1234567", "9,99"),
    ("Retrocharge", "ItemPrice", "Tax", "902-5", "1,00"),
    ("Retrocharge", "ItemWithheldTax", "RetroTax", "902-5", "-1,00"),
    ("Liquidations", "Liquidations", "LIQUIDATION_PROCEEDS", "", "17,30"),
    ("Liquidations", "LiquidationsBrokerageFee", "LIQUIDATION_BROKERAGE", "", "-2,60"),
    ("other-transaction", "FBA Inventory Reimbursement", "REVERSAL_REIMBURSEMENT", "902-6", "30,00"),
    ("other-transaction", "FBA Inventory Reimbursement", "COMPENSATED_CLAWBACK", "", "-30,00"),
    ("other-transaction", "other-transaction", "SAFE-T Reimbursement", "902-7", "8,45"),
    ("CouponRedemptionFee", "CouponRedemptionFee", 'Coupon "10 % für Äpfel" 27"', "", "-0,60"),
    ("ServiceFee", "Cost of Advertising", "TransactionTotalAmount", "", "-250,00"),
    ("other-transaction", "other-transaction", "Unsuccessful transfer of funds", "", "99,00"),
    ("other-transaction", "other-transaction", "Current Reserve Amount", "", "-1.000,00"),
]  # fmt: skip
SUMS = {
    "sale": "150.11",
    "tax": "-22.62",
    "refund": "-12457.77",
    "fee": "-5.14",
    "reserve": "299.00",
    "other": "-227.45",
}


def fortnight(number: Callable[[str], str] = str) -> str:
    """The file as text, its amounts rewritten by ``number``."""
    rows = [row(number(amount), *words, order) for *words, order, amount in FORTNIGHT]
    return report(*rows, **{"total-amount": number("-12.263,87")}).decode()


def _in_english(amount: str) -> str:
    return amount.translate(str.maketrans(".,", ",."))


@pytest.mark.parametrize("number", [str, _in_english, lambda amount: amount.replace(".", "\u202f")])
@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        ("utf-8", ""), ("utf-8-sig", ""), ("utf-8", "Cp1252"), ("utf-16", ""), ("utf-16-le", "UTF-16LE"),
        ("cp1252", ""), ("cp1252", "windows-1252"), ("cp1252", "no such thing"), ("cp1252", "idna"),
        ("iso-8859-15", "ISO-8859-15"),
    ],
)  # fmt: skip
def test_a_whole_fortnight_is_the_same_in_every_form(number: Callable[[str], str], encoding: str, charset: str) -> None:
    text = fortnight(number)
    if "\u202f" in text and not encoding.startswith("utf"):
        text = text.replace("\u202f", "\u00a0")
    heads, *others = text.split("\n")
    forms = {
        "lines": text,
        "CRLF, and empty rows at the end": text.replace("\n", "\r\n") + "\r\n\r\n\t\t\r\n",
        "more columns, some without a name": "\n".join([f"{heads}\t\tnew", *(f"{each}\t\t" for each in others)]),
        "blanks": text.replace("\t", " \t "),
        "quotes": "\n".join(
            [
                "\t".join(f'"{cell.replace(chr(34), 2 * chr(34))}"' for cell in each.split("\t"))
                for each in (heads, *others)
            ]
        ).replace("FBA transportation", "FBA\ttransportation"),
    }
    for name, form in forms.items():
        settlement = read_settlement("1", form.encode(encoding), charset)
        sums: dict[str, Decimal] = defaultdict(Decimal)
        for line in settlement.lines:
            sums[line.kind] += line.amount
        assert {kind: str(amount) for kind, amount in sums.items()} == SUMS, name
        assert sum(sums.values()) == settlement.total == Decimal("-12263.87"), name
        assert [line.order_number for line in settlement.lines] == [each[3] for each in FORTNIGHT], name
        assert settlement.lines[25].description == 'Coupon "10 % für Äpfel" 27"', name


def test_a_file_of_japan_has_whole_amounts_in_its_own_encoding() -> None:
    data = report(
        row("12,345", description="ポイントの費用"), row("-345"), currency="JPY", **{"total-amount": "12,000"}
    )
    for encoding, charset in (("cp932", ""), ("cp932", "Shift_JIS"), ("euc_jp", "EUC-JP"), ("utf-8", "")):
        settlement = read_settlement("1", data.decode().encode(encoding), charset)
        assert [line.amount for line in settlement.lines] == [12345, -345]
        assert settlement.lines[0].description == "ポイントの費用"


def test_an_amount_in_the_row_of_the_payout_is_not_lost() -> None:
    settlement = read_settlement("1", report(row("2.00"), **{"total-amount": "5.00"} | row("3.00")))
    assert [line.amount for line in settlement.lines] == [3, 2]


def test_letters_of_either_code_page_and_quotes_are_kept() -> None:
    wanted = 'Gebühr "groß"'
    for encoding in ("utf-8-sig", "cp1252"):
        data = report(row("1.00", description=wanted)).decode().encode(encoding)
        assert read_settlement("1", data).lines[0].description == wanted
