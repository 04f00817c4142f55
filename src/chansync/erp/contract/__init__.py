"""What any outside ERP must do, as checks that its package runs on itself.

``CHECKS`` are plain functions of a ``Subject``: a connection (``chansync.erp.remote.Remote``), and what there is to
sell in an ERP that is there for trying out. They record sales of their own and leave them there. With pytest::

    @pytest.fixture
    async def erp():
        remote = MY_KIND.connect(ErpSettings("test", {...}))
        yield await Subject.of(remote, MY_KIND.capabilities, look=look_into_my_erp)
        await remote.aclose()

    @pytest.mark.parametrize("check", CHECKS, ids=str)
    async def test_contract(check, erp):
        if not check.applies_to(erp):
            pytest.skip(check.why_not(erp))
        await check(erp)

Without pytest, ``prove`` runs them all, and ``chansync erp contract`` is that as a command.
"""

from __future__ import annotations

from chansync.erp.contract.subject import Broken, Check, Outcome, Seen, Subject, Unprepared, prove
from chansync.erp.contract.suite import CHECKS

__all__ = ["CHECKS", "Broken", "Check", "Outcome", "Seen", "Subject", "Unprepared", "prove"]
