"""The contract suite of outside ERPs, on a real trytond."""

from __future__ import annotations

import pytest

from chansync.erp.contract import CHECKS, Check, Subject

pytestmark = [pytest.mark.tryton, pytest.mark.long]


@pytest.mark.parametrize("check", CHECKS, ids=str)
async def test_tryton_keeps_the_contract(check: Check, erp: Subject) -> None:
    if not check.applies_to(erp):
        pytest.skip(check.why_not(erp))
    await check(erp)


#: What a database may do in its own way: text that is searched, times, decimals, locks, what is rolled back.
_BY_DATABASE = {
    "check_lets_us_in", "reference_has_what_a_channel_needs", "items_are_found_by_sku_or_gtin",
    "a_sale_is_recorded_once_for_its_key", "totals_are_exact", "a_bad_sale_keeps_no_other_back",
    "one_buyer_is_one_customer", "goods_are_blocked_once", "all_steps_of_a_sale_in_one_call", "a_refund_is_taken_back",
    "changes_are_told", "changed_stock_is_told",
}  # fmt: skip


def test_the_checks_that_depend_on_the_database_are_there() -> None:
    assert {check.name for check in CHECKS} >= _BY_DATABASE


@pytest.mark.parametrize("check", [check for check in CHECKS if check.name in _BY_DATABASE], ids=str)
async def test_tryton_on_postgresql_keeps_the_contract(check: Check, erp_on_postgresql: Subject) -> None:
    if not check.applies_to(erp_on_postgresql):
        pytest.skip(check.why_not(erp_on_postgresql))
    await check(erp_on_postgresql)
