"""What scripts rely on: -h, --quiet, JSON for what is done and what failed, changed or unchanged, exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest

from chansync.cli.program import program
from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import LazyGroup
from chansync.db.connection import Store
from chansync.store import channels, messages, systems
from functional.cli.conftest import Run


def _commands(group: LazyGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command that is no group, as it is called."""
    context = click.Context(group)
    for name in group.table:
        command = group.get_command(context, name)
        if isinstance(command, LazyGroup):
            yield from _commands(command, (*path, name))
        elif name != group.default:
            yield (*path, name)


EVERY = [*_commands(program), ("log",), ("erp", "stock")]
ENDING = [path for path in EVERY if path not in (("daemon",), ("demo",))]


@pytest.mark.parametrize("path", [*EVERY, (), ("channel",), ("db",)], ids=" ".join)
def test_minus_h_is_help(run: Run, path: tuple[str, ...]) -> None:
    short = run(*path, "-h")
    assert (short.code, short.out) == (0, run(*path, "--help").out)
    assert short.out.startswith("Usage: chansync")


@pytest.mark.parametrize("path", ENDING, ids=" ".join)
def test_a_wrong_line_is_json_where_json_is_wanted(chansync: Run, path: tuple[str, ...]) -> None:
    plain = chansync(*path, "--no-such-option")
    told = chansync(*path, "--json", "--no-such-option")
    assert (told.code, told.err) == (plain.code, "") == (exit_codes.USAGE, "")
    data = json.loads(told.out)
    assert (data["ok"], data["code"], data["error"]) == (False, "usage", plain.err.strip())


@pytest.mark.parametrize(
    ("line", "exit_code", "code"),
    [
        ("channel show shp", exit_codes.USAGE, "usage"),
        ("chanel", exit_codes.USAGE, "usage"),
        ("channel add shop name=X integration_system=woo", exit_codes.EXISTS, "exists"),
        ("system add woo --name X", exit_codes.EXISTS, "exists"),
        ("erp add warehouse W1 name=X", exit_codes.EXISTS, "exists"),
        ("channel set shop pos=NOPE", exit_codes.USAGE, "usage"),
        ("log show 7", exit_codes.USAGE, "usage"),
        ("solve 7", exit_codes.PROBLEMS, "no_message"),
        ("--db /nowhere/c.db status", exit_codes.DATABASE, "database"),
        ("map payment shop cod=zzz", exit_codes.USAGE, "usage"),
        ("log --since never", exit_codes.USAGE, "usage"),
        ("secrets status", exit_codes.OK, ""),
    ],
)
def test_a_failure_is_one_object_with_the_same_exit_code(chansync: Run, line: str, exit_code: int, code: str) -> None:
    kind = [] if "--kind" in line or not line.startswith("system add") else ["--kind", "woocommerce"]
    assert chansync(*line.split(), *kind).code == exit_code
    told = chansync(*line.split(), *kind, "--json")
    data = json.loads(told.out)
    assert told.code == exit_code
    if exit_code:
        assert (data["ok"], data["code"]) == (False, code)
        assert data["error"]
        assert told.err == ""


def test_each_wrong_field_has_its_code(chansync: Run) -> None:
    data = json.loads(chansync("channel", "add", "new", "integration_system=woo", "pos=NOPE", "--json").out)
    assert {each["field"]: each["code"] for each in data["fields"]} == {"name": "needed", "pos": "wrong"}


@pytest.mark.parametrize(
    "line",
    [
        "status", "channel list", "channel show shop", "channel set shop name=X", "system list", "map payment shop",
        "erp list pos", "erp stock", "log", "db check", "db retention show", "notices show", "secrets status",
        "channel fields", "erp check", "solve 1",
    ],
)  # fmt: skip
def test_quiet_prints_nothing_but_errors(chansync: Run, company: Store, line: str) -> None:
    messages.log(company.db, "site_unavailable", "Away.", channel_id=1)
    code = chansync(*line.split()).code
    messages.log(company.db, "site_unavailable", "Away.", channel_id=1)
    for words in (["--quiet", *line.split()], [*line.split(), "-q"]):
        done = chansync(*words)
        if line != "solve 1":
            assert (done.code, done.out, done.err) == (code, "", "")
        messages.solve(company.db, 1, "test")
    failed = chansync("channel", "show", "nope", "--quiet")
    assert (failed.code, failed.out) == (exit_codes.USAGE, "")
    assert failed.err.startswith("There is no channel 'nope'.")
    assert json.loads(chansync("channel", "list", "--json", "--quiet").out)


def _version(store: Store) -> tuple[int, int]:
    return channels.channel(store.db, "shop").version, systems.system(store.db, "woo").version


@pytest.mark.parametrize(
    "line",
    [
        "channel set shop name=Another description=Text used=no",
        "channel set shop order_statuses=processing,completed",
        "channel set shop consumer_secret=@{secret}",
        "system set woo name=Better",
        "erp set pos MAIN name=Better negative_stock=yes",
        "map payment shop cod=bank bacs=cash",
        "map item shop 512=SKU-001",
        "notices set smtp_host=mail.example mail_from=a@b.example smtp_user=u smtp_password=@{secret}",
        "db retention set keep_messages=90d",
        "db import {mappings}",
        "channel import {toml}",
        "erp stock set SKU-001 7 --warehouse W1",
        "system rename woo Better",
        "channel pause shop",
    ],
)
def test_what_changes_nothing_is_told_as_unchanged_and_moves_no_version(
    chansync: Run, company: Store, tmp_path: Path, line: str
) -> None:
    (tmp_path / "secret").write_text("cs_another\n")
    (tmp_path / "mappings.csv").write_text("channel,kind,site_code,target\nshop,payment,cod,bank\n")
    exported = chansync("channel", "export", "shop").out.replace('name = "', 'name = "New ')
    (tmp_path / "shop.toml").write_text(exported)
    files = {"secret": "secret", "mappings": "mappings.csv", "toml": "shop.toml"}
    words = line.format(**{name: str(tmp_path / file) for name, file in files.items()}).split()
    before = _version(company)
    first = chansync(*words, "--json")
    assert (first.code, json.loads(first.out)["changed"]) == (0, True), first
    once = _version(company)
    again = chansync(*words, "--json")
    assert (again.code, json.loads(again.out)["changed"]) == (0, False), again
    assert _version(company) == once
    assert "Changed" not in chansync(*words).out
    if line.startswith(("channel", "system", "map", "db import")):
        assert once != before


def test_a_secret_that_was_there_is_not_made_today(
    chansync: Run, company: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tmp_path / "token"
    token.write_text("Atzr|x")
    fields = ("seller_id=S", "region=eu", "client_id=amzn1.x", "client_secret=-", f"refresh_token=@{token}")
    added = chansync("system", "add", "amz", "--name", "A", "--kind", "amazon", *fields, stdin="one\n")
    assert added.code == 0, added.err
    made = systems.system(company.db, "amz").values["client_secret_made"]
    monkeypatch.setattr("chansync.setup.typed_fields.today", lambda: date(2030, 1, 1))
    assert json.loads(chansync("system", "set", "amz", "client_secret=-", "--json", stdin="one\n").out)["fields"] == []
    assert systems.system(company.db, "amz").values["client_secret_made"] == made
    chansync("system", "set", "amz", "client_secret=-", stdin="two\n")
    assert systems.system(company.db, "amz").values["client_secret_made"] == "2030-01-01"


def _names(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield name
            yield from _names(value)
    elif isinstance(data, list):
        for each in data:
            yield from _names(each)


def test_a_channel_is_named_channel_everywhere(chansync: Run, company: Store) -> None:
    company.db.execute("UPDATE channel SET used = 1")
    messages.log(company.db, "site_unavailable", "Away.", channel_id=1)
    for line in ("status", "channel list", "log", "sync shop", "retry shop", "why shop 1", "channel test shop"):
        told = chansync(*line.split(), "--json")
        data = [json.loads(row) for row in told.out.splitlines()] if line == "log" else json.loads(told.out)
        assert "channel_code" not in set(_names(data)), line
        assert any('"channel": "shop"' in row for row in told.out.splitlines()), line


def test_times_name_their_zone(chansync: Run, company: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    messages.log(company.db, "site_unavailable", "Away.", channel_id=1)
    company.db.execute("UPDATE message SET last_at = 1795838400000")
    monkeypatch.setenv("TZ", "Europe/Sofia")
    time.tzset()
    try:
        assert "2026-11-28 06:00:00 +0200" in chansync("log").out
        assert len(chansync("log", "--since", "2026-11-28 06:00", "--json").out.splitlines()) == 1
        assert len(chansync("log", "--since", "2026-11-28 06:01", "--json").out.splitlines()) == 0
        assert len(chansync("log", "--since", "2026-11-28T04:00:00Z", "--json").out.splitlines()) == 1
        assert len(chansync("log", "--until", "2026-11-28 06:00", "--json").out.splitlines()) == 0
        assert len(chansync("log", "--until", "2026-11-28", "--json").out.splitlines()) == 1
    finally:
        monkeypatch.undo()
        time.tzset()
    assert json.loads(chansync("--db", str(company.path), "log", "--json").out)["last_at"] == "2026-11-28T04:00:00Z"
