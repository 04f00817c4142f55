"""Text that no terminal may be given, in every field that a stranger or a colleague can fill: safe on every screen."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from chansync.db.connection import open_store
from chansync.db.transaction import transaction
from chansync.model.safe_text import width
from chansync_tui.app import ChansyncApp
from chansync_tui.context import Result
from functional.tui.looking import settle, until_seen

#: All at once: escapes that clear, copy and ring, C1, markup with an action, directions, joined emoji, a pile of marks.
STRANGE = (
    "\x1b[2J\x1b]52;c;cm0=\x07\x9b31m [red]x[/] [@click=app.quit]y[/] \u202eabc\u202c 👩\u200d👩\u200d👧 🇩🇪 👍🏽"
    " ❤\ufe0f 東京 שלום e" + "\u0301" * 40 + " \t\n\r\u2028 \\ \U000e0041 ﷽ " + "long" * 2500
)

#: Where text from outside lies: what is of a kind that the program itself chose (codes, states, times) is not.
_COLUMNS = (
    "channel_parameter.value:name", "channel_parameter.value:description", "integration_system.name",
    "lookup.title", "mapping.title", "order.number", "order.status", "order.customer", "order.raw",
    "run.sentence", "message.sentence", "message.order_number", "message.data", "erp_warehouse.name",
    "erp_account.name", "erp_pos.name", "erp_payment_method.name", "erp_delivery_method.name", "erp_user.name",
    "erp_item.name", "erp_customer.name", "erp_customer.email", "erp_customer.phone", "erp_sale.order_number",
    "erp_sale.note", "erp_sale_line.name", "erp_document_type.name",
)  # fmt: skip

#: Screens, by the keys that lead to them.
_SCREENS: dict[str, list[str]] = {
    "channels": [],
    "channel": ["j", "enter"],
    "channel, mappings": ["j", "enter", *["right_square_bracket"] * 3, "down"],
    "channel, a choice": ["j", "enter", *["right_square_bracket"] * 3, "down", "enter"],
    "channel, a name": ["j", "enter", "slash", *"name", "enter", "enter"],
    "activity": ["2"],
    "messages": ["3"],
    "messages, filtered": ["3", "slash", *"red"],
    "message": ["3", "j", "j", "enter"],
    "orders": ["4"],
    "order": ["4", "enter"],
    "erp": ["5"],
    "palette": ["j", "ctrl+p"],
    "copy": ["4", "c"],
    "mend": ["3", "O", "m"],
    "solve": ["3", "O", "x"],
    "retry all": ["3", "R"],
    "causes": ["3", "g"],
    "pause": ["asterisk", "p"],
    "actions for a sale": ["4", "G", "a"],
    **{f"erp, list {number}": ["5", *["j"] * number, "enter"] for number in range(8)},
    **{f"erp, entry of list {number}": ["5", *["j"] * number, "enter", "enter"] for number in range(8)},
}


@pytest.fixture
def strange(company: Path) -> Path:
    """Every text of the company is strange."""
    store = open_store(company)
    with transaction(store.db):
        for place in _COLUMNS:
            column, _, name = place.partition(":")
            table, field = column.split(".")
            value = json.dumps(STRANGE) if field == "value" else STRANGE
            if field in ("data", "raw"):
                value = json.dumps({"name": STRANGE, STRANGE: [STRANGE]})
            condition = f"WHERE name = '{name}'" if name else ""
            store.db.execute(f'UPDATE OR IGNORE "{table}" SET {field} = ? {condition}', (value,))
    store.close()
    return company


def _lines(pilot: Pilot[Any]) -> list[str]:
    return [strip.text for strip in pilot.app.screen._compositor.render_strips()]


@pytest.mark.long
@pytest.mark.parametrize("size", [(60, 20), (120, 40)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_every_screen_is_safe_and_aligned(strange: Path, size: tuple[int, int]) -> None:
    seen: dict[str, list[str]] = {}
    app = ChansyncApp(strange)
    async with app.run_test(size=size) as pilot:
        for name, keys in _SCREENS.items():
            if size[0] < 80 and name.startswith("erp,"):
                continue
            for key in keys:
                await pilot.press(key)
                await pilot.app.workers.wait_for_complete()
            await settle(pilot)
            seen[name] = _lines(pilot)
            for _ in range(3):
                await pilot.press("escape")
            await pilot.press("1", "g")
    for name, lines in seen.items():
        for line in lines:
            unsafe = [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
            assert not unsafe, (name, line)
            assert width(line) == size[0], (name, line)
    for name in ("channels", "messages", "message", "orders") if size[0] > 100 else ("message",):
        assert any("␛[2J" in line for line in seen[name]), name
    assert any("[red]x[/] [@click=app.quit]y[/]" in line for line in seen["message"])


async def test_what_is_told_is_safe_and_without_markup(strange: Path) -> None:
    app = ChansyncApp(strange)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.post_message(Result(STRANGE[:60], STRANGE[:200], failed=True))
        await until_seen(pilot, "[red]x[/]")
        assert app.told is not None
        assert app.told.sentence.isprintable()
