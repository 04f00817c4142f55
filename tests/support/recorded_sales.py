"""Sales that go into Tryton from the first step to the last: recorded once, and played again by the tests.

``python -m support.recorded_sales`` in the folder ``tests`` records them anew with a real Tryton.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

from chansync.demo.tryton.server import DATABASE, Trytond, running
from chansync.erp.contract import Subject
from chansync.erp.remote import SaleAnswer, SaleSteps
from chansync.erp.tryton import TRYTON
from chansync.erp.tryton.company import Options
from chansync.erp.tryton.remote import TrytonRemote
from chansync.erp.tryton.rpc import TrytonRpc
from chansync.model import steps
from chansync.model.order import TaxNumbers
from chansync.model.sale import RefundedLine
from support import recordings, tryton

RECORDING = Path(__file__).parents[1] / "data" / "tryton_sales.json"


async def tell(url: str) -> list[SaleAnswer]:
    """Send three sales to the Tryton of that URL; its answers."""
    remote = TrytonRemote(TrytonRpc(url, DATABASE, tryton.USER, tryton.PASSWORD), Options())
    erp = Subject(
        remote, frozenset(TRYTON.capabilities), tryton.POS, "W1", "EUR", ("SKU-001", "SKU-002"), "SHIPPING",
        "Bank transfer", delivery_method="Courier", rate=Decimal(19), run="tape",
    )  # fmt: skip
    lines = [erp.line("SKU-001", 2, 2000, id="1"), erp.line("SKU-002", 1, 1000, id="2")]
    shipped, cancelled, odd = (erp.draft(lines, sale_date=date(2026, 1, 5)) for _ in range(3))
    # No VAT number to Tryton.
    odd.customer.tax_numbers = odd.customer.keys = TaxNumbers(vat="DE123")
    back = steps.Refund("r1", 1190, (RefundedLine("1", Decimal(1), 1000, 190),))
    todo = [
        SaleSteps(
            shipped.key, shipped.pos,
            (steps.Record(shipped), steps.Block(), steps.Pay(shipped.total, issue_first=True),
             steps.WriteOut("DHL", "T1"), back),
        ),
        SaleSteps(cancelled.key, cancelled.pos, (steps.Record(cancelled), steps.Block(), steps.Cancel())),
        SaleSteps(odd.key, odd.pos, (steps.Record(odd),)),
    ]  # fmt: skip
    answers = await remote.apply(todo)
    await remote.aclose()
    return answers


def load() -> list[recordings.Call]:
    """The recording."""
    calls: list[recordings.Call] = json.loads(RECORDING.read_text())
    return calls


def record(trytond: Trytond) -> list[recordings.Call]:
    """The calls of a real Tryton, which nobody has sold with before."""
    with recordings.recording(trytond.url) as (url, calls):
        asyncio.run(tell(url))
    return calls


def _record_anew() -> None:
    with tempfile.TemporaryDirectory() as folder, running(tryton.restored(Path(folder))) as trytond:
        calls = record(trytond)
    RECORDING.write_text("[\n" + ",\n".join(json.dumps(call) for call in calls) + "\n]\n")


if __name__ == "__main__":
    _record_anew()
