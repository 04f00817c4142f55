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


@pytest.mark.parametrize("check", CHECKS, ids=str)
async def test_tryton_on_postgresql_keeps_the_contract(check: Check, erp_on_postgresql: Subject) -> None:
    if not check.applies_to(erp_on_postgresql):
        pytest.skip(check.why_not(erp_on_postgresql))
    await check(erp_on_postgresql)
