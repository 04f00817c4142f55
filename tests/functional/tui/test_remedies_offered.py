"""The screens offer what ``chansync mend`` offers for a message."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chansync.cli.main import main
from chansync.db.transaction import transaction
from chansync.orders.remedies import REMEDIES
from chansync.store import messages
from chansync_tui.app import ChansyncApp
from chansync_tui.screens.finder import Finder
from chansync_tui.screens.mend import offer
from chansync_tui.screens.message import message_paragraphs
from chansync_tui.screens.messages import Messages
from functional.tui import seed
from functional.tui.looking import Other, seen, until_seen

_OF_THE_PLACE = {"message", "channel", "system", "order", "sale"}


def _told_to(code: str) -> list[dict[str, str]]:
    """Data of a message of that code: nothing, each that a remedy of it needs alone, and all of it."""
    names = sorted({name for remedy in REMEDIES[code] for name in remedy.needs} - _OF_THE_PLACE)
    alone = [{name: "cash"} for name in names]
    return [{}, *alone, *([dict.fromkeys(names, "cash")] if len(names) > 1 else [])] if names else []


#: Each message whose remedies depend on its data.
_TOLD = [(code, data) for code in REMEDIES for data in _told_to(code)]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What each window offers that would open."""
    found: list[list[str]] = []
    monkeypatch.setattr(Finder, "ask", lambda self, *_: found.append([each.word for each in self._options]))
    return found


async def test_what_is_offered_for_a_message_is_what_mend_lists_for_it(
    alone: Path, capsys: pytest.CaptureFixture[str], opened: list[list[str]]
) -> None:
    assert ("payment_unmapped", {"parameter": "cash"}) in _TOLD
    with Other(alone) as other, transaction(other.db):
        other.db.execute("DELETE FROM message")
        for number, (code, data) in enumerate(_TOLD):
            order_id = seed.add_order(other.db, 1, str(7000 + number))
            messages.log(other.db, code, "Something lacks.", channel_id=1, order_id=order_id, data=data)
        ids = [row[0] for row in other.db.execute("SELECT id FROM message ORDER BY id")]
    listed: dict[int, list[str]] = {}
    for each in ids:
        capsys.readouterr()
        assert main(["--db", str(alone), "mend", str(each), "--json"]) == 0
        listed[each] = [remedy["what"] for remedy in json.loads(capsys.readouterr().out)["remedies"]]
    app = ChansyncApp(alone)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "[3 Messages")
        page = app.screen
        assert isinstance(page, Messages)
        for each, (code, data) in zip(ids, _TOLD, strict=True):
            offer(page, each)
            assert (opened.pop() if opened else []) == listed[each], (code, data)
            message = messages.message(app.context.db, each)
            assert message is not None
            read = [paragraph.text for paragraph in message_paragraphs(app.context.db, message)]
            assert [text[4:] for text in read if text.startswith("  - ")] == listed[each], (code, data)


_WITHDRAW = "Do not ask the ERP again for what a person asked for."


def _offered(app: ChansyncApp) -> list[str]:
    """What the window that is open offers."""
    assert isinstance(app.screen, Finder)
    return [option.word for option in app.screen.table.items]


async def test_for_a_cause_is_offered_what_is_offered_for_all_of_its_problems(alone: Path) -> None:
    with Other(alone) as other, transaction(other.db):
        other.db.execute("DELETE FROM message")
        for number, data in ((7000, {"asked": "issue"}), (7001, {})):
            order_id = seed.add_order(other.db, 1, str(number))
            messages.log(
                other.db, "not_possible", f"Order {number}: it cannot be done.", channel_id=1, order_id=order_id,
                data=data,
            )  # fmt: skip
    app = ChansyncApp(alone)
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.press("3")
        await until_seen(pilot, "Order 7001")
        # The newest is under the cursor: the line below the list names its remedies.
        await until_seen(pilot, "m mends it: Say how the order")
        assert _WITHDRAW[:24] not in seen(app)
        await pilot.press("j")
        await until_seen(pilot, _WITHDRAW[:24])
        await pilot.press("m")
        await until_seen(pilot, "It is done for each of them where it applies.")
        assert _WITHDRAW in _offered(app)
        await pilot.press("escape", "g")
        await until_seen(pilot, "g The log")
        await pilot.press("m")
        await until_seen(pilot, "2 problems of 1 channel wait for it", "It is done for all of them.")
        assert _WITHDRAW not in _offered(app)
