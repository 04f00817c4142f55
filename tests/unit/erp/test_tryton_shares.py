"""How the part of a refund that no line says is spread over the lines of its sale."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chansync.erp.tryton.company import Tax
from chansync.erp.tryton.totals import by_tax, spread
from chansync.model.sale import RefundedLine

TAXES = (None, Tax(1, Decimal("0.19")), Tax(2, Decimal("0.07")))

LINES = st.lists(st.tuples(st.integers(0, 50_000), st.sampled_from(TAXES)), min_size=1, max_size=9)


def _left(place: int, gross: int) -> RefundedLine:
    return RefundedLine(str(place), Decimal(0), gross, 0)


@given(LINES, st.integers(1, 100))
def test_shares_add_up_to_the_amount_and_each_tax_to_its_rate(rows: list[tuple[int, Tax | None]], part: int) -> None:
    left = sum(gross for gross, _ in rows)
    amount = left * part // 100
    shares = spread(amount, [(tax, _left(place, gross)) for place, (gross, tax) in enumerate(rows)])
    assert sum(share.net + share.tax for share in shares) == amount
    taxes = {str(place): tax for place, (_, tax) in enumerate(rows)}
    for tax, (net, own) in by_tax(shares, taxes).items():
        assert abs(net * (tax.rate if tax else 0) - own) <= 1
        group = sum(gross for gross, each in rows if each == tax)
        assert abs(Decimal(net + own) - Decimal(amount) * group / left) <= 1
    assert all(share.net + share.tax <= rows[int(share.external_id)][0] + 1 for share in shares)


def test_what_is_taken_off_goes_through_negative_lines_too() -> None:
    # A voucher that is a fee below zero.
    lines = [(TAXES[1], _left(1, 11900)), (TAXES[1], _left(2, -1900))]
    assert [share.net + share.tax for share in spread(1000, lines)] == [1190, -190]


def test_where_nothing_is_left_nothing_has_a_share() -> None:
    assert spread(1000, []) == []
    assert spread(1000, [(TAXES[1], _left(1, 0))]) == []
