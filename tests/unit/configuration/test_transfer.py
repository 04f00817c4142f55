"""Channels as TOML."""

from __future__ import annotations

import contextlib
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chansync.db.connection import Store, open_store
from chansync.model.errors import UsageError
from chansync.setup import channel_settings, systems
from chansync.setup.setup_file.exporting import export_channels
from chansync.setup.typed_fields import InvalidFields
from chansync.store import channels, mappings
from support.setup_files import applied


def _state(store: Store) -> list[Any]:
    """All that a file holds."""
    db = store.db
    found: list[Any] = [(system.code, system.name, system.kind) for system in channels.systems(db)]
    for channel in channels.all_channels(db):
        tables = {kind: mappings.targets(db, channel.id, kind) for kind in ("payment", "delivery", "item")}
        found.append((channel.values, channel.secrets, tables, mappings.paid_statuses(db, channel.id)))
    return found


def test_an_export_reads_back_as_the_same(company: Store, tmp_path: Path) -> None:
    channel = channels.channel(company.db, "shop")
    channel_settings.change_channel(company, "shop", {"description": 'He said "hi" \\ №1', "orders_every": "off"})
    channel_settings.map_method(company.db, channel, "item", "a.b=c #1", "SKU-001")
    mappings.pick_up(company.db, channel.id, "delivery", [("flat_rate:1", "Flat\nrate")])
    mappings.set_paid_statuses(company.db, channel.id, "cod", ["completed", "processing"])
    before, text = _state(company), export_channels(company.db)
    assert applied(company, text).changes == []
    copy = tmp_path / "copy.db"
    company.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(company.path, copy)
    shutil.copy(company.path.with_suffix(".key"), copy.with_suffix(".key"))
    other = open_store(copy)
    try:
        channel_settings.change_channel(
            other, "shop", {"description": "", "check_email": "yes", "store_domain": "x.example"}
        )
        mappings.map_to(other.db, channel.id, "payment", "cod", None)
        mappings.set_paid_statuses(other.db, channel.id, "cod", [])
        mappings.map_to(other.db, channel.id, "payment", "extra", "bank")
        assert _state(other) != before
        applied(other, text)
        assert _state(other) == before
    finally:
        other.close()


def test_no_secret_is_in_a_file(company: Store) -> None:
    channel_settings.change_channel(company, "shop", {"consumer_key": "ck_very_secret"})
    text = export_channels(company.db)
    assert "ck_very_secret" not in text
    assert "# consumer_key is secret. Enter it: chansync channel set shop consumer_key=-" in text
    assert "consumer_key" not in tomllib.loads(text)["channels"]["shop"]


def test_some_channels_go_with_their_own_systems_only(company: Store) -> None:
    systems.add_system(company, "other", "Other", "woocommerce")
    assert list(tomllib.loads(export_channels(company.db))["systems"]) == ["other", "woo"]
    assert list(tomllib.loads(export_channels(company.db, ["shop"]))["systems"]) == ["woo"]
    with pytest.raises(UsageError, match="There is no channel 'shp'"):
        export_channels(company.db, ["shp"])


def test_a_new_channel_in_use_waits_for_its_secrets(company: Store) -> None:
    text = export_channels(company.db).replace("channels.shop", "channels.copy")
    done = applied(company, text)
    assert done.changes[0] == "channel copy: new"
    assert "copy is not used until its secrets are entered" in done.notes[0]
    assert channels.channel(company.db, "copy")["used"] is False


def test_a_dry_run_says_the_same_and_writes_nothing(company: Store) -> None:
    text = (
        export_channels(company.db).replace('name = "Shop"', 'name = "Store"').replace('cod = "cash"', 'cod = "bank"')
    )
    before = _state(company)
    said = applied(company, text, check=True)
    assert said.changes == ["channel shop: name Shop → Store", "channel shop: payment cod cash → bank"]
    assert _state(company) == before
    assert applied(company, text).changes == said.changes
    assert channels.channel(company.db, "shop")["name"] == "Store"


def test_every_wrong_field_is_named_by_its_place_and_nothing_is_written(company: Store) -> None:
    text = """
        [systems.new]
        name = "New"
        kind = "nope"
        [channels.shop]
        integration_system = "woo"
        name = "Changed"
        pos = "NOWHERE"
        orders_every = 5
        consumer_key = "ck_x"
        bogus = true
        [channels.shop.payment]
        cod = "nope"
        [channels."Bad Code"]
        [channels.other]
        integration_system = "nowhere"
        [channels.third]
        integration_system = "woo"
        name = "Third"
        start_date = 1999-12-31T00:00:00
        """
    before = _state(company)
    with pytest.raises(InvalidFields) as error:
        applied(company, text)
    assert [str(each).partition(" ")[2].split(" ", 3)[1:3] for each in error.value.errors] == [
        ["4:", "systems.new.kind"],
        ["8:", "channels.shop.pos"],
        ["9:", "channels.shop.orders_every"],
        ["10:", "channels.shop.consumer_key"],
        ["11:", "channels.shop.bogus"],
        ["13:", "channels.shop.payment.cod"],
        ["14:", "channels.Bad"],
        ["16:", "channels.other.integration_system"],
        ["20:", "channels.third.start_date"],
    ]
    assert _state(company) == before


def test_systems_of_the_file_are_made_with_their_channels(company: Store) -> None:
    text = '[systems.b]\nname = "B"\nkind = "woocommerce"\n[channels.x]\nintegration_system = "b"\nname = "X"\n'
    applied(company, text)
    assert channels.channel(company.db, "x").system.code == "b"
    with pytest.raises(InvalidFields, match=r"systems\.b\.kind"):
        applied(company, text.replace("woocommerce", "amazon"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = ?", r"This is not a TOML file: .*line 1"),
        ("x = " + "[" * 5000, "This is not a TOML file"),
        ("x = " + "9" * 5000, "This is not a TOML file"),
        ("format = 2", "another format than this program reads, which is format 1"),
        ("colour = 1", "line 1: 'colour' is no part of a set-up"),
        ("channels = 1", "channels must be a table"),
        ("[channels]\nshop = 1", "channels.shop must be a table"),
        ("[systems]\nwoo = 1", "systems.woo must be a table"),
    ],
)
def test_another_file_is_refused_in_a_sentence(company: Store, text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        applied(company, text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(["woo", "MAIN", "shop", "yes"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = st.sampled_from(["name", "pos", "used", "order_statuses", "payment", "item", "start_date", "code", "x"])


@given(
    st.dictionaries(st.sampled_from(["woo", "b", "B B"]), _VALUES, max_size=2),
    st.dictionaries(
        st.sampled_from(["shop", "b", "ü"]), st.dictionaries(_FIELDS, _VALUES, max_size=5) | _VALUES, max_size=2
    ),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_file_is_taken_whole_or_refused_in_sentences(company: Store, systems: Any, given_channels: Any) -> None:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        text = tomlkit.dumps({"systems": systems, "channels": given_channels})
    except (TOMLKitError, ValueError, TypeError):
        return
    with contextlib.suppress(UsageError):
        applied(company, text, check=True)


@given(st.text(max_size=120))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_refused_in_a_sentence(company: Store, text: str) -> None:
    with contextlib.suppress(UsageError):
        applied(company, text, check=True)


def test_a_file_must_not_bring_two_channels_that_take_the_same_orders(company: Store) -> None:
    shop = channels.channel(company.db, "shop")
    secrets = {
        "code": "again",
        "name": "Again",
        "integration_system": "woo",
        "consumer_key": "ck",
        "consumer_secret": "c",
    }
    channel_settings.add_channel(company, secrets | {"store_domain": shop["store_domain"]})
    whole = export_channels(company.db, ["shop"])
    start = whole.index("[channels.shop]")
    again = whole[start:].replace("channels.shop", "channels.again")
    for file in (whole + again, whole[:start] + again):
        with pytest.raises(InvalidFields, match="the channel shop takes those orders of"):
            applied(company, file)
    free = again.replace('"processing", ', "").replace('"on-hold", ', "").replace('"completed"', '"wholesale"')
    applied(company, whole + free)
    assert channels.channel(company.db, "again")["used"]
