"""A fixed time, zone, user and locale, and databases that are built once a session and copied for each test."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from textual.css.stylesheet import Stylesheet

from chansync.db.process_locks import process_owner
from chansync.model import times
from chansync_tui.user_files import own_keys
from functional.tui import seed

#: 24 November 2026, 13:05 UTC.
NOW = 1_795_525_500_000


def _hold_still(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(times, "time", SimpleNamespace(**{**vars(time), "time_ns": lambda: NOW * 1_000_000}))
    patch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture(scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def template(name: str) -> Path:
        if name not in made:
            with pytest.MonkeyPatch.context() as patch:
                _hold_still(patch)
                made[name] = getattr(seed, name)(tmp_path_factory.mktemp(name) / "chansync.db")
        return made[name]

    return template


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Textual parses all style sheets for each app and each change of its theme; they are the same in every test."""
    parse, parsed = Stylesheet._parse_rules, {}

    def parse_once(sheet: Stylesheet, *source: Any, **options: Any) -> Any:
        key = (frozenset(sheet._variables.items()), source, *sorted(options.items()))
        if key not in parsed:
            parsed[key] = parse(sheet, *source, **options)
        return parsed[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


@pytest.fixture
def two_panes() -> None:
    """The second pane stands beside each list, as it does on a screen that is wide enough."""


@pytest.fixture(autouse=True)
def still(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Nothing that the screens show depends on this machine or this moment."""
    _hold_still(monkeypatch)
    monkeypatch.setattr("chansync_tui.context.user", lambda: "anna")
    monkeypatch.setattr("chansync_tui.context.user_at_host", lambda: "anna@erp1")
    # Most tests begin in the list of channels.
    monkeypatch.setattr("chansync_tui.app.ChansyncApp.DEFAULT_MODE", "channels")
    # Most tests look at a list in its whole width; those of the second pane say so by ``two_panes``.
    if "two_panes" not in request.fixturenames:
        monkeypatch.setattr("chansync_tui.screens.two_panes.WIDE", 1000)
    # The seed's daemon is of that version.
    monkeypatch.setattr("chansync.doctor.daemon.__version__", "0.1.0")
    # How often the pilot looks whether the app is idle, and what little work counts as idle meanwhile, in seconds.
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.004)
    monkeypatch.setattr("textual._wait.SLEEP_IDLE", 0.002)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    own_keys.own_keys.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def database(tmp_path: Path, _templates: Callable[[str], Path]) -> Callable[[str], Path]:
    """Gives a copy of a database that ``seed`` builds: ``database("company")``."""

    def copy(name: str) -> Path:
        target = tmp_path / f"{name}.db"
        shutil.copy2(_templates(name), target)
        return target

    return copy


@pytest.fixture
def company(database: Callable[[str], Path]) -> Path:
    """Three channels with a daemon that works."""
    return database("company")


@pytest.fixture
def alone(company: Path) -> Path:
    """Three channels and no daemon."""
    seed.stop_daemon(company)
    return company


@pytest.fixture
def work_off(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Stands in for the performing of jobs: ``performed`` is what it was called with, ``act`` what it does."""
    module = ModuleType("chansync.job_runner")
    module.performed = []  # type: ignore[attr-defined]
    module.act = lambda path, job_id: None  # type: ignore[attr-defined]

    def work_off(path: Path, job_id: int) -> None:
        module.performed.append((path, job_id))
        module.act(path, job_id)

    module.work_off = work_off  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "chansync.job_runner", module)
    return module


@pytest.fixture
def owner() -> str:
    """The lease of this process."""
    return process_owner()
