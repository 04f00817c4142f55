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
