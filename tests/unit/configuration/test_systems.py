"""Integration systems with settings of their own, seen through a platform that somebody else installed."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chansync.db.connection import Store, open_async
from chansync.model.errors import UsageError
from chansync.platforms import registry
from chansync.secrets import sealing
from chansync.setup import channel_settings, systems
from chansync.setup.setup_file.exporting import export_channels
from chansync.setup.systems import SystemReport
from chansync.setup.typed_fields import InvalidFields
from chansync.store import channels
from chansync.store import systems as stored
from support import tiny
from support.setup_files import applied


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    tiny.install(monkeypatch)
    path = tmp_path / "site.json"
    tiny.write_site(path)
    yield path
    tiny.forget()


def add(store: Store, site: Path, **texts: str) -> None:
    systems.add_system(store, "acct", "Account", "tiny", {"file": str(site), "key": "secret-key"} | texts)


def connected(store: Store) -> SystemReport:
    async def whole() -> SystemReport:
        opened = await open_async(store.path)
        try:
            return await systems.test_system(opened, "acct")
        finally:
            await opened.aclose()

    return asyncio.run(whole())


class TestFields:
    def test_it_keeps_what_was_entered_and_the_defaults(self, store: Store, site: Path) -> None:
        add(store, site)

        found = stored.system(store.db, "acct")
        assert found.values["file"] == str(site)
        assert found.values["colour"] == "red"
        assert set(found.secrets) == {"key"}

    def test_its_secret_is_nowhere_in_the_file(self, store: Store, site: Path) -> None:
        add(store, site)

        assert sealing.open_all(store.db, store.path, 1, "", "system") == {"key": "secret-key"}
        store.db.pragma("wal_checkpoint(TRUNCATE)")
        assert b"secret-key" not in store.path.read_bytes()

    @pytest.mark.parametrize(
        ("texts", "name", "sentence"),
        [
            ({"colour": "green"}, "colour", "is one of red, blue"),
            ({"key": ""}, "key", "is empty"),
            ({"file": ""}, "file", "is needed"),
            ({"region": "eu"}, "region", "is no field of a tiny system: there are file, colour, key, key_day"),
            ({"key_day": "soon"}, "key_day", "is not a date"),
        ],
    )
    def test_wrong_input_is_named(
        self, store: Store, site: Path, texts: dict[str, str], name: str, sentence: str
    ) -> None:
        with pytest.raises(InvalidFields) as raised:
            add(store, site, **texts)

        assert [error.name for error in raised.value.errors] == [name]
        assert sentence in raised.value.errors[0].sentence
        assert stored.systems(store.db) == []

    def test_a_platform_without_fields_says_so(self, store: Store) -> None:
        kind = next(kind for kind in registry.kinds() if not systems.parameters(kind))
        with pytest.raises(InvalidFields, match="its keys are those of its channels"):
            systems.add_system(store, "shops", "Shops", kind, {"region": "eu"})

    def test_another_name_needs_nothing_else(self, store: Store, site: Path) -> None:
        add(store, site)

        assert systems.change_system(store, "acct", {}, name=" Better ").name == "Better"
        with pytest.raises(UsageError, match="name is empty"):
            systems.change_system(store, "acct", {}, name=" ")


class TestSecretsThatEnd:
    def day(self, ago: int) -> str:
        return (datetime.now().astimezone().date() - timedelta(days=ago)).isoformat()

    def test_the_day_of_entry_counts_where_none_is_given(self, store: Store, site: Path) -> None:
        add(store, site)

        assert stored.system(store.db, "acct").values["key_day"] == self.day(0)

    def test_a_new_secret_counts_from_its_own_day(self, store: Store, site: Path) -> None:
        add(store, site, key_day=self.day(170))
        assert systems.expiring(stored.system(store.db, "acct"))

        systems.change_system(store, "acct", {"key": "another"})

        assert systems.expiring(stored.system(store.db, "acct")) == []

    @pytest.mark.parametrize(
        ("age", "said"), [(149, ""), (150, "in 30 days"), (179, "in 1 days"), (180, "has ended"), (400, "has ended")]
    )
    def test_one_is_warned_in_time(self, store: Store, site: Path, age: int, said: str) -> None:
        add(store, site, key_day=self.day(age))

        found = systems.expiring(stored.system(store.db, "acct"))

        assert [said in sentence for sentence in found] == ([True] if said else [])
        assert all("chansync system set acct key=-" in sentence for sentence in found)


class TestConnecting:
    def test_it_says_as_what_and_offers_where_it_sells(self, store: Store, site: Path) -> None:
        add(store, site)

        report = connected(store)

        assert (report.ok, report.sentence) == (True, "Connected to the file by a key.")
        assert report.places == [("north", "The north"), ("south", "South")]
        assert stored.lookups(store.db, 1, "place") == report.places

    def test_a_wrong_key_is_said_and_keeps_what_was_known(self, store: Store, site: Path) -> None:
        add(store, site)
        connected(store)
        systems.change_system(store, "acct", {"key": "wrong"})

        report = connected(store)

        assert (report.ok, report.code) == (False, "wrong_key")
        assert stored.lookups(store.db, 1, "place")

    def test_a_channel_is_one_of_the_places(self, store: Store, site: Path) -> None:
        add(store, site)
        fields = {"code": "n", "name": "North", "integration_system": "acct", "store_domain": "nowhere"}
        connected(store)

        with pytest.raises(InvalidFields, match="names nowhere, but there is no such place"):
            channel_settings.add_channel(store, fields)
        channel_settings.add_channel(store, fields | {"store_domain": "north"})

        channel = channels.channel(store.db, "n")
        assert channel_settings.offered(store.db, channel, "place") == [("north", "The north"), ("south", "South")]

    def test_a_place_that_is_gone_does_not_stand_in_the_way_of_other_changes(self, store: Store, site: Path) -> None:
        add(store, site)
        fields = {"code": "n", "name": "North", "integration_system": "acct", "store_domain": "north"}
        channel_settings.add_channel(store, fields)
        stored.replace_lookups(store.db, 1, "place", [("south", "South")])

        channel_settings.change_channel(store, "n", {"description": "closed soon"})

        with pytest.raises(InvalidFields, match="names east"):
            channel_settings.change_channel(store, "n", {"store_domain": "east"})


class TestFiles:
    def test_what_is_written_reads_back_without_secrets(self, store: Store, site: Path) -> None:
        add(store, site, colour="blue")
        text = export_channels(store.db)

        assert "secret-key" not in text
        assert "# key is secret. Enter it: chansync system set acct key=-" in text
        assert tomllib.loads(text)["systems"]["acct"]["colour"] == "blue"
        assert applied(store, text).changes == []

    def test_another_installation_is_told_what_is_missing(self, store: Store, site: Path) -> None:
        text = f'[systems.acct]\nname = "A"\nkind = "tiny"\nfile = "{site}"\nkey_day = {datetime.now(UTC).date()}\n'

        done = applied(store, text)

        assert done.notes == ["acct needs its secrets: chansync system set acct key=-"]
        assert stored.system(store.db, "acct").values["file"] == str(site)

    @pytest.mark.parametrize(
        ("line", "wrong"),
        [
            ('key = "x"', "systems.acct.key is secret and must not be in a file"),
            ('colour = "green"', "systems.acct.colour is one of red, blue"),
            ("colour = 5", "systems.acct.colour must be text"),
            ('size = "5"', "systems.acct.size is no field of a tiny system: there are name, kind, "),
        ],
    )
    def test_a_wrong_file_changes_nothing(self, store: Store, site: Path, line: str, wrong: str) -> None:
        with pytest.raises(InvalidFields) as raised:
            applied(store, f'[systems.acct]\nname = "A"\nkind = "tiny"\n{line}\n')

        assert wrong in str(raised.value)
        assert stored.systems(store.db) == []
