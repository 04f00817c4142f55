"""How the part of a refund that no line says is spread over the lines of its sale."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chansync.erp.tryton.company import Tax
from chansync.erp.tryton.totals import Left, by_tax, spread

TAXES = (None, Tax(1, Decimal("0.19")), Tax(2, Decimal("0.07")))

LINES = st.lists(st.tuples(st.integers(0, 50_000), st.sampled_from(TAXES)), min_size=1, max_size=9)


@given(LINES, st.integers(1, 100))
def test_shares_add_up_to_the_amount_and_each_tax_to_its_rate(rows: list[tuple[int, Tax | None]], part: int) -> None:
    lines = [Left(str(place), tax, gross) for place, (gross, tax) in enumerate(rows)]
    left = sum(line.gross for line in lines)
    amount = left * part // 100
    shares = spread(amount, lines)
    assert sum(share.net + share.tax for share in shares) == amount
    taxes = {line.external_id: line.tax for line in lines}
    for tax, (net, own) in by_tax(shares, taxes).items():
        assert abs(net * (tax.rate if tax else 0) - own) <= 1
        group = sum(line.gross for line in lines if line.tax == tax)
        assert abs(Decimal(net + own) - Decimal(amount) * group / left) <= 1
    assert all(share.net + share.tax <= _gross(lines, share.external_id) + 1 for share in shares)


def _gross(lines: list[Left], external_id: str) -> int:
    return next(line.gross for line in lines if line.external_id == external_id)


def test_what_is_taken_off_goes_through_negative_lines_too() -> None:
    # A voucher that is a fee below zero.
    lines = [Left("1", TAXES[1], 11900), Left("2", TAXES[1], -1900)]
    assert [share.net + share.tax for share in spread(1000, lines)] == [1190, -190]


def test_where_nothing_is_left_nothing_has_a_share() -> None:
    assert spread(1000, []) == []
    assert spread(1000, [Left("1", TAXES[1], 0)]) == []
