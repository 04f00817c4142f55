"""A platform that somebody else has installed works through the real commands, without a change here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import tiny
from support.shops import as_json, called


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that is the site, and the package on this process' path."""
    path = tmp_path / "site.json"
    tiny.write_site(path, tiny.order("1"), tiny.order("2", place="south"), tiny.order("3", status="void"))
    tiny.install(monkeypatch)
    yield path
    monkeypatch.undo()
    tiny.forget()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "chansync.db"


def run(database: Path, *words: str, typed: str = "", code: int = 0) -> str:
    """What a command prints; ``typed`` comes on its standard input."""
    given, out, err = called(*words, database=database, stdin=typed)
    assert given == code, f"{out}\n{err}"
    return out + err


def set_up(database: Path, site: Path) -> None:
    for words in (
        "db init",
        "erp add warehouse W1 name=Main",
        "erp add account BANK name=Bank",
        "erp add pos WEB name=Web warehouse=W1 currencies=EUR negative_stock=yes",
        "erp add payment-method bank name=Bank pos=WEB account=BANK",
        "erp add delivery-method courier name=Courier pos=WEB",
        "erp add item SKU-001 name=Thing",
    ):
        run(database, *words.split())
    add = f"system add acct --kind tiny --name Account file={site} key=-"
    assert "chansync system test acct" in run(database, *add.split(), typed="secret-key\n")
    assert "store_domain=north  The north" in run(database, "system", "test", "acct")
    fields = "integration_system=acct pos=WEB store_domain=north start_date=2026-01-01 delivery_method=courier"
    run(database, "channel", "add", "north", "name=North", *fields.split())
    assert "The north" in run(database, "channel", "test", "north", "--fill")
    run(database, "map", "payment", "north", "tiny=bank")
    run(database, "channel", "set", "north", "used=yes", "push_statuses=yes", "status_written_out=sent")


def test_from_nothing_to_a_status_that_goes_back(database: Path, site: Path) -> None:
    set_up(database, site)

    run(database, "sync", "north")

    [sale] = as_json(run(database, "erp", "sales", "--json"))
    assert (sale["number"], sale["total"]) == ("north-1", "10.00")
    run(database, "erp", "write-out", "north-1")
    run(database, "sync", "north", "--statuses")
    assert [row["status"] for row in json.loads(site.read_text())["orders"]] == ["sent", "new", "void"]
    # Fields that its platform does not have are said not to apply.
    shown = run(database, "channel", "show", "north")

    assert "does not apply to this platform" in next(line for line in shown.splitlines() if "consumer_key" in line)
    kinds = as_json(run(database, "system", "kinds", "--json"))
    assert [field["name"] for kind in kinds if kind["kind"] == "tiny" for field in kind["fields"]] == [
        "file", "colour", "key", "key_day",
    ]  # fmt: skip


def test_its_systems_have_no_secret_in_arguments_or_output(database: Path, site: Path) -> None:
    run(database, "db", "init")
    said = run(database, *f"system add a --kind tiny --name A file={site} key=secret-key".split(), code=2)
    assert "every user of this machine can see arguments" in said

    run(database, *f"system add a --kind tiny --name A file={site} key=-".split(), typed="secret-key\n")

    assert "secret-key" not in run(database, "system", "show", "a") + run(database, "channel", "export")


def test_a_system_of_no_installed_kind_is_refused(database: Path) -> None:
    run(database, "db", "init")

    assert "There is no platform 'nowhere'" in run(database, *"system add a --kind nowhere --name A".split(), code=2)
    assert "Say of which platform it is: --kind" in run(database, *"system add a --name A".split(), code=2)
