"""The form of a channel, by keys."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from textual.pilot import Pilot

from chansync.erp.ledger import setup
from chansync.model import channel_parameters, parameter_types
from chansync.store import channels, jobs, mappings
from chansync_tui.app import ChansyncApp
from chansync_tui.forms.rows import Row
from chansync_tui.widgets.table import Table
from functional.tui.looking import Other, row, seen, until_seen

WIDE = (120, 40)


async def open_channel(pilot: Pilot[Any], *keys: str) -> str:
    """The form of the first channel of the company; then ``keys``."""
    await until_seen(pilot, "shop-de")
    await pilot.press("j", "enter")
    screen = await until_seen(pilot, "1 Basic data")
    await pilot.press(*keys)
    return screen


async def go_to(pilot: Pilot[Any], label: str) -> None:
    """Put the cursor on the row of that label."""
    await pilot.pause()
    table: Table[Row] = pilot.app.screen.query_one("#fields", Table)
    table.select(next(row.key for row in table.items if row.label.startswith(label)))
    await pilot.pause()


async def type_into(pilot: Pilot[Any], label: str, text: str) -> None:
    """Replace the field's text."""
    await go_to(pilot, label)
    await pilot.press("enter", "ctrl+u", *text, "enter")


def value_of(path: Path, name: str, channel_id: int = 1) -> Any:
    with Other(path) as other:
        channel = channels.channel_by_id(other.db, channel_id)
        assert channel is not None
        return channel.values[name]


async def test_shows_what_applies_by_section_and_no_secret(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(120, 90)) as pilot:
        screen = await open_channel(pilot)
        for title in ("2 Information", "3 Parameters", "4 Payment methods", "5 Delivery methods", "6 Tax transactions"):
            assert title in screen
        assert row(app, "Password / consumer secret").split()[-1] == "set"
        assert "cs_1" not in screen
        assert "Pay immediately" not in screen, "it goes only with issue_document"
        await go_to(pilot, "Issue financial document")
        await pilot.press("space")
        await until_seen(pilot, "Pay immediately")


async def test_help_follows_the_cursor_and_a_fixed_field_says_why(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await until_seen(pilot, "It cannot be changed after the first sync")
        await go_to(pilot, "Store domain")
        await until_seen(pilot, "[store_domain, host or URL]")
        await go_to(pilot, "Write out immediately")
        await pilot.press("enter")
        await until_seen(pilot, "leave the warehouse's stock at once, before anybody has packed them")


async def test_a_text_is_typed_in_place_and_confirmed(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Name", "Shop 東京 [red]")
        await until_seen(pilot, "1 change, not saved")
        assert value_of(company, "name") == "Shop Germany", "nothing is written before Confirm"
        await pilot.press("c", "c")
        await until_seen(pilot, "Saved the channel shop-de.")
    assert value_of(company, "name") == "Shop 東京 [red]"


async def test_confirm_shows_what_changes_beside_what_it_was(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Name", "Another name")
        await pilot.press("c")
        screen = await until_seen(pilot, "1 change to save", "It was", "It becomes")
        [line] = [line for line in screen.splitlines() if "Shop Germany" in line and "It was:" not in line]
        assert line.index("Name") < line.index("Shop Germany") < line.index("Another name")
        await pilot.press("escape")
        await until_seen(pilot, "1 change, not saved")
        assert value_of(company, "name") == "Shop Germany"
        await pilot.press("c", "enter")
        await until_seen(pilot, "Saved the channel shop-de.")


async def test_the_field_just_left_is_checked_at_once(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Start date", "tomorrow")
        await until_seen(pilot, "1 field wrong", "Start date 'tomorrow' is not a date")
        await type_into(pilot, "Start date", "2026-01-31")
        await until_seen(pilot, "1 field wrong", gone=True)


async def test_confirm_names_every_wrong_field_and_goes_to_them(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Name", " ")
        await type_into(pilot, "Store domain", "no host at all")
        await pilot.press("G", "c")
        await until_seen(pilot, "Not saved: 2 fields wrong: Name, Store domain")
        assert row(app, "Name  ").startswith("▌!")
        await pilot.press("e")
        await until_seen(pilot, "! Store domain is no address: it must be one word")
    assert value_of(company, "name") == "Shop Germany"


async def test_a_field_is_found_by_typing_and_edited_at_once(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot, "G", "slash", *"key")
        await until_seen(pilot, "Username / consumer key")
        await pilot.press("enter", "enter", *"ck_new", "enter")
        await until_seen(pilot, "1 change, not saved", "entered, not saved yet")
        await until_seen(pilot, "/ key:", "esc shows all")
        await pilot.press("escape")
        await until_seen(pilot, "esc shows all", gone=True)


async def test_fields_are_found_however_they_are_spelled_and_also_those_that_are_hidden(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot, "slash", *"email verif", "enter")
        await until_seen(pilot, "E-mail verification")
        await pilot.press("slash", "ctrl+u", *"exact quant", "enter")
        await until_seen(pilot, "Synchronise exact quantities", "appears with: Synchronising quantities")
        await pilot.press("enter")
        await until_seen(pilot, "[push_quantities, yes or no]")


async def test_the_cursor_passes_over_headings(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        for _ in range(60):
            await pilot.press("j")
            assert not app.screen.query_one("#fields", Table).selected.heading


async def test_choosing_several_by_marks(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await go_to(pilot, "Order status")
        await pilot.press("enter")
        await until_seen(pilot, "[x] processing", "[ ] on-hold")
        await pilot.press(*"hold", "space", "enter")
        await until_seen(pilot, "processing, on-hold, completed")
        await pilot.press("c", "c")
        await until_seen(pilot, "Saved the channel shop-de.")
    assert value_of(company, "order_statuses") == ["processing", "on-hold", "completed"]


async def test_choosing_one_by_typing(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await go_to(pilot, "System type")
        await pilot.press("enter", *"work", "enter", "c", "c")
        await until_seen(pilot, "Saved the channel shop-de.")
    assert value_of(company, "system_type") == "working"


async def test_unmapped_methods_stand_out_and_are_mapped_with_confirm(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot, *["right_square_bracket"] * 3)
        await until_seen(pilot, "4 Payment methods")
        assert row(app, "bacs Bank transfer").split()[-1] == "bank"
        assert "NOT MAPPED" in row(app, "cod Cash on delivery")
        assert "NOT MAPPED  (not in the site's list)" in row(app, "klarna_pay Klarna")
        await go_to(pilot, "cod Cash")
        await pilot.press("enter", *"cash", "enter")
        await until_seen(pilot, "1 change, not saved")
        with Other(company) as other:
            assert "cod" not in mappings.targets(other.db, 1, "payment")
        await pilot.press("c", "c")
        await until_seen(pilot, "Saved the channel shop-de.")
    with Other(company) as other:
        assert mappings.targets(other.db, 1, "payment") == {"bacs": "bank", "cod": "cash"}


async def test_a_tax_override_is_added_by_its_case(company: Path) -> None:
    with Other(company) as other:
        setup.add(other.db, "tax-transaction", "export", {"name": "Export"})
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await go_to(pilot, "new override")
        await pilot.press("enter", *"Germany", "enter")
        await until_seen(pilot, "is no case of tax")
        await pilot.press("enter", *"CH+vat", "enter")
        await until_seen(pilot, "Export", "type to narrow")
        await pilot.press("enter", "c", "c")
        await until_seen(pilot, "Saved the channel shop-de.")
    with Other(company) as other:
        assert mappings.targets(other.db, 1, "tax") == {"CH+vat": "export"}


async def test_pick_up_is_a_job_that_shows_progress_and_keeps_mappings(company: Path, owner: str) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot, *["right_square_bracket"] * 3)
        await pilot.press("p")
        await until_seen(pilot, "Pick up shop-de: waiting")
        with Other(company) as other:
            job = jobs.claim(other.db, owner)
            assert job is not None
            assert (job.kind, job.channel_id) == ("lookups", 1)
            mappings.pick_up(other.db, 1, "payment", [("bacs", "Bank transfer"), ("stripe", "Card")])
            jobs.finish(other.db, job.id, owner, ok=True, result={"sentence": "done"})
        await until_seen(pilot, "stripe Card", "are picked up")
        assert row(app, "bacs Bank transfer").split()[-1] == "bank"
        assert "not in the site's list" in row(app, "cod Cash on delivery")


async def test_closing_asks_and_the_safe_answer_has_the_focus(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Name", "Other name")
        await pilot.press("escape")
        await until_seen(pilot, "Close without saving? What you changed is lost: Name.")
        await pilot.press("enter")
        await until_seen(pilot, "Close without saving?", gone=True)
        assert "Other name" in seen(app)
        await pilot.press("1")
        await until_seen(pilot, "This form is not saved")
        await pilot.press("escape", "y")
        await until_seen(pilot, "outlet-uk")
    assert value_of(company, "name") == "Shop Germany"


async def test_a_change_under_the_form_is_told_and_typing_stays(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Name", "Mine")
        with Other(company) as other:
            channels.save_channel(other.db, 1, {"description": "Theirs", "check_email": False}, {})
        await until_seen(pilot, "Somebody else changed Description, E-mail verification")
        assert "Mine" in row(app, "Name  ")
        await pilot.press("c", "c")
        await until_seen(
            pilot, "Changes that somebody else saved meanwhile are kept", "too: Description, E-mail verification."
        )
    assert (value_of(company, "name"), value_of(company, "description")) == ("Mine", "Theirs")


async def test_both_changed_one_field_and_the_user_chooses(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Name", "Mine")
        await type_into(pilot, "Description", "My words")
        with Other(company) as other:
            changes = {"name": "Theirs [red]", "description": "Their words", "check_email": False}
            channels.save_channel(other.db, 1, changes, {})
        await pilot.press("c", "c")
        await until_seen(
            pilot, "Somebody else saved the same fields. Whose value counts?", "Theirs [red]", "Shop Germany"
        )
        await pilot.press("c")
        await until_seen(pilot, "Choose for Name: m mine, t theirs.")
        assert value_of(company, "description") == "Their words"
        await pilot.press("m", "t", "c")
        await until_seen(pilot, "Saved the channel shop-de.")
    assert (value_of(company, "name"), value_of(company, "description")) == ("Mine", "Their words")
    assert value_of(company, "check_email") is False


async def test_a_channel_removed_under_the_form_is_said_to_be_gone(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        with Other(company) as other:
            channels.remove_channel(other.db, 1)
        await until_seen(pilot, "This channel was removed meanwhile")


async def test_pos_settings_are_one_key_away_and_nothing_typed_is_lost(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await type_into(pilot, "Name", "Typed before")
        await pilot.press("g")
        await go_to(pilot, "POS")
        await pilot.press("o")
        await until_seen(pilot, "POS BER", "Payment methods", "Bank transfer  account BANK", "new delivery method")
        await type_into(pilot, "Currencies", "EUR,usd")
        await pilot.press("c")
        await until_seen(pilot, "Saved the POS BER.")
        await pilot.press("escape")
        await until_seen(pilot, "Typed before", "1 change, not saved")
    with Other(company) as other:
        assert setup.get(other.db, "pos", "BER")["currencies"] == ["EUR", "USD"]


async def test_a_payment_method_is_added_from_the_choice_that_needs_it(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await go_to(pilot, "klarna_pay")
        await pilot.press("enter", *"new", "enter")
        await until_seen(pilot, "New payment method")
        assert row(app, "POS  ").split()[-1] == "BER"
        await type_into(pilot, "Code", "klarna")
        await pilot.press("g")
        await type_into(pilot, "Name", "Klarna")
        await pilot.press("c")
        await until_seen(pilot, "1 change, not saved")
        assert row(app, "klarna_pay").split()[-6] == "klarna"
        await pilot.press("c", "c")
        await until_seen(pilot, "Saved the channel shop-de.")
    with Other(company) as other:
        assert mappings.targets(other.db, 1, "payment")["klarna_pay"] == "klarna"
        assert setup.get(other.db, "payment-method", "BER/klarna")["account"] == "BANK"


async def add_by_keys(pilot: Pilot[Any]) -> None:
    """A new channel with address, keys and Used, confirmed."""
    await until_seen(pilot, "shop-de")
    await pilot.press("a")
    await until_seen(pilot, "New channel")
    await go_to(pilot, "Integration system")
    await pilot.press("enter", "enter")
    for label, text in (
        ("Name", "Shop AT"),
        ("Code", "shop-at"),
        ("Store domain", "shop-at.example"),
        ("Username / consumer key", "ck_9"),
        ("Password / consumer secret", "cs_9"),
    ):
        await type_into(pilot, label, text)
    await go_to(pilot, "Used")
    await pilot.press("space", "c")


async def test_first_confirm_saves_unused_and_asks_for_the_connection(company: Path, owner: str) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await add_by_keys(pilot)
        await until_seen(pilot, "Connecting to shop-at.example")
        assert value_of(company, "used", 4) is False
        assert "Order status" not in seen(app), "the rest opens when it has connected"
        with Other(company) as other:
            job = jobs.claim(other.db, owner)
            assert job is not None
            assert (job.kind, job.channel_id, job.args) == ("confirm", 4, {"use": True, "asks_start": True})
            channels.remember(other.db, 4, {"signing": "basic"}, connected=True)
            channels.save_channel(other.db, 4, {"currency": "EUR", "used": True}, {})
            mappings.pick_up(other.db, 4, "payment", [("cod", "Cash")])
            told = {"sentence": "Connected to Shop AT.", "filled": {"currency": "EUR"}, "used": True}
            jobs.finish(other.db, job.id, owner, ok=True, result=told)
        await until_seen(
            pilot, "It connects", "Filled in: Currency = EUR", "The channel is used now", "Not mapped yet: cod"
        )
        await pilot.press("enter")
        await until_seen(pilot, "Issue financial document upon p…", "[x] yes")


async def test_first_confirm_asks_from_which_day_on_with_how_many_orders(company: Path, owner: str) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await add_by_keys(pilot)
        await until_seen(pilot, "Connecting to shop-at.example")
        starts = [("2026-11-30", 3), ("2026-10-31", 214), ("2000-01-01", None)]
        with Other(company) as other:
            job = jobs.claim(other.db, owner)
            assert job is not None
            told = {"sentence": "Connected.", "starts": starts, "filled": {"currency": "EUR"}}
            jobs.finish(other.db, job.id, owner, ok=True, result=told)
        screen = await until_seen(pilot, "From which day on?", "from today on", "3 orders", "214 orders", "all orders")
        assert "since 2026-10-31" in screen
        await pilot.press("down", "enter")
        await until_seen(pilot, "From which day on?", gone=True)
        await until_seen(pilot, "Connecting to shop-at.example")
        with Other(company) as other:
            again = jobs.claim(other.db, owner)
            assert again is not None
            assert (again.kind, again.args) == ("confirm", {"use": True, "start_date": "2026-10-31"})
            jobs.finish(other.db, again.id, owner, ok=True, result={"sentence": "Connected.", "used": True})
        await until_seen(pilot, "It connects", "Filled in: Currency = EUR", "The channel is used now")


async def test_first_confirm_that_fails_says_why_and_keeps_the_channel_unused(company: Path, owner: str) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await add_by_keys(pilot)
        await until_seen(pilot, "Connecting to shop-at.example")
        with Other(company) as other:
            job = jobs.claim(other.db, owner)
            assert job is not None
            jobs.finish(
                other.db, job.id, owner, ok=False, result={"sentence": "The site refused the key.", "code": "x"}
            )
        await until_seen(pilot, "It does not connect", "The site refused the key.", "It is saved, and not used yet.")
        await pilot.press("enter")
        await until_seen(pilot, "It does not connect", gone=True)
        # What its user wants stays, so that the next confirm connects again.
        assert "[x] yes" in row(app, "Used")
        assert value_of(company, "used", 4) is False
        await pilot.press("c")
        await until_seen(pilot, "Connecting to shop-at.example")
        with Other(company) as other:
            again = jobs.claim(other.db, owner)
        assert again is not None
        assert (again.kind, again.args) == ("confirm", {"use": True, "asks_start": True})


async def test_what_a_first_connection_cannot_fill_in_is_asked_for_before_it(
    company: Path, work_off: ModuleType
) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await until_seen(pilot, "shop-de")
        await pilot.press("a")
        await go_to(pilot, "Used")
        await pilot.press("space", "c")
        await until_seen(pilot, "Not saved: 4 fields wrong: Integration system, Name, Code, Store domain")
    with Other(company) as other:
        assert len(channels.all_channels(other.db)) == 3
        assert not jobs.claim(other.db, "x")


@pytest.mark.parametrize("field_type", [parameter_types.Text(), parameter_types.Flag()], ids=["text", "flag"])
async def test_a_parameter_more_needs_no_change_in_the_screens(
    company: Path, monkeypatch: pytest.MonkeyPatch, field_type: parameter_types.ParameterType
) -> None:
    added = channel_parameters.Parameter(
        "gift_note",
        "Gift note",
        "Printed on the parcel.",
        3,
        field_type,
        field_type.parse("no" if field_type.word != "text" else ""),
    )
    changed = (*channel_parameters.PARAMETERS, added)
    for module in ("model.channel_parameters", "model.channel", "setup.channel_settings", "setup.forms.channel_form"):
        monkeypatch.setattr(f"chansync.{module}.PARAMETERS", changed)
    monkeypatch.setitem(channel_parameters.BY_NAME, "gift_note", added)  # type: ignore[arg-type]
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await open_channel(pilot)
        await go_to(pilot, "Gift note")
        await until_seen(pilot, "Printed on the parcel.")
        keys = ["enter", *"yes", "enter"] if isinstance(field_type, parameter_types.Text) else ["space"]
        await pilot.press(*keys, "c", "c")
        await until_seen(pilot, "Saved the channel shop-de.")
    assert json.dumps(value_of(company, "gift_note")) in ('"yes"', "true")


async def test_a_field_is_found_by_its_name_too(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_channel(pilot, "slash", *"orders_ev")
        await until_seen(pilot, "Orders every")
        await until_seen(pilot, "Store domain", gone=True)
