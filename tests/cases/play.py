"""Playing one case: a fresh database, a demo site, the steps in turn, and a look at what came of them."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import pytest

from cases.renamed import VIEWS
from cases.sites import SITES, BrokenCase, Site
from chansync.cli.main import main

#: The options of ``chansync sync`` that a step may name.
_STREAMS = ("orders", "statuses", "quantities", "lookups", "compare")
#: What a case may judge by; at least one of them.
_JUDGED_BY = ("right_when", "right_stock", "right_output")
_LINE_LENGTH = 300
#: What a case, its set-up and its steps may hold, as far as it has to be of one kind.
_KINDS: dict[str, type | tuple[type, ...]] = {
    "setup": dict, "right_when": (str, int), "look": str, "site_stock": str, "channel": list, "erp": list, "put": dict,
    "order": dict, "document": dict, "told": dict, "cli": list, "items": str, "shop_order": list,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case came out.

    Attributes:
        verdict: ``RIGHT``, ``WRONG``, or ``BROKEN`` where the case itself cannot be played.
        seen: what the case looks at, or what is broken about it.
    """

    verdict: str
    name: str
    seen: str

    @property
    def is_right(self) -> bool:
        return self.verdict == "RIGHT"

    def __str__(self) -> str:
        seen = " ".join(self.seen.split())
        return f"{self.verdict:<6} {self.name}: {seen[:_LINE_LENGTH]}"


def play(file: Path, folder: Path) -> Outcome:
    """Play the case in ``file``; its database is made in ``folder``, which must be empty."""
    try:
        case = json.loads(file.read_text("utf-8-sig"))
        if not isinstance(case, dict):
            raise BrokenCase("it is no JSON object")
        name = str(case.get("case") or file.stem)
    except (OSError, ValueError, BrokenCase) as error:
        return Outcome("BROKEN", file.stem, str(error))
    try:
        is_right, seen = _Play(case, folder).outcome()
    except BrokenCase as error:
        return Outcome("BROKEN", name, str(error))
    except Exception as error:
        # The program itself answers with an exit code: what escapes comes from the case, or from the demo site.
        return Outcome("BROKEN", name, f"it cannot be played: {type(error).__name__}: {error}")
    return Outcome("RIGHT" if is_right else "WRONG", name, seen)


class _Play:
    """One case under way."""

    def __init__(self, case: dict[str, Any], folder: Path) -> None:
        self.case, self.folder = case, folder
        self.path = folder / "chansync.db"
        self.output = ""

    def outcome(self) -> tuple[bool, str]:
        """Whether it came out right, and what was seen."""
        kind = self.case.get("platform", "woocommerce")
        if kind not in SITES:
            raise BrokenCase(f"there is no demo site of the platform {kind!r}")
        if not any(key in self.case for key in _JUDGED_BY):
            raise BrokenCase(f"it does not say what is right: {', '.join(_JUDGED_BY)}")
        if "right_stock" in self.case and "site_stock" not in self.case:
            raise BrokenCase("right_stock is without site_stock, the SKU that it is of")
        setup = self.case.get("setup") or {}
        for part in (self.case, setup, *self._steps()):
            _check_kinds(part)
        with SITES[kind](setup, self.path) as site:
            self._prepare(setup, site)
            for step in self._steps():
                try:
                    self._take(step, site)
                except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                    told = f"{type(error).__name__}: {error}"
                    raise BrokenCase(f"the step {json.dumps(step):.100} cannot be played: {told}") from None
            return self._judge(site)

    def _steps(self) -> list[Any]:
        steps = self.case.get("steps")
        if not isinstance(steps, list):
            raise BrokenCase("its steps are no list")
        return steps

    def _prepare(self, setup: dict[str, Any], site: Site) -> None:
        for words in setup.get("erp", ()):
            self._expect(*words)
        for code in site.channels if setup.get("channel") else ():
            self._expect("channel", "set", code, *setup["channel"])
        if said := self._query("SELECT sentence FROM message WHERE severity <> 'info'"):
            raise BrokenCase(f"the set-up itself leaves messages: {said}")

    def _take(self, step: dict[str, Any], site: Site) -> None:
        if "cli" in step:
            self._run(*(site.filled(str(word)) for word in step["cli"]))
        elif "sync" in step:
            if step["sync"] not in _STREAMS:
                raise BrokenCase(f"there is no stream {step['sync']!r}")
            for code in site.channels:
                self._run("sync", code, f"--{step['sync']}")
        elif "items" in step:
            file = self.folder / "items.csv"
            file.write_text(step["items"], "utf-8")
            self._expect("erp", "import", "items", str(file))
        elif "a_day_passes" in step:
            with contextlib.closing(apsw.Connection(str(self.path))) as db:
                db.execute("UPDATE site_item SET looked_at = 0")
        else:
            site.take(step)

    def _judge(self, site: Site) -> tuple[bool, str]:
        case, rights, seen = self.case, [], []
        if "right_when" in case:
            rights.append(self._query(f"SELECT {case['right_when']}") == "1")
        if "right_stock" in case:
            stock = site.stock(case["site_stock"])
            rights.append(str(stock) == str(case["right_stock"]))
            seen.append(f"{case['site_stock']} on the site: {stock}")
        if "right_output" in case:
            rights.append(str(case["right_output"]) in self.output)
            seen.append(self.output)
        if "look" in case:
            seen.append(self._query(case["look"]))
        return all(rights), " | ".join(seen)

    def _query(self, sql: str) -> str:
        """All values of the result, as text."""
        with contextlib.closing(apsw.Connection(str(self.path), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            try:
                for name, view in VIEWS.items():
                    db.execute(f'CREATE TEMP VIEW "{name}" AS {view}')
                rows = db.execute(sql).fetchall()
            except apsw.Error as error:
                raise BrokenCase(f"{error} in {sql}") from None
        return " / ".join(" ".join("NULL" if value is None else str(value) for value in row) for row in rows)

    def _expect(self, *words: str) -> None:
        if self._run(*words) != 0:
            raise BrokenCase(f"chansync {' '.join(words)}: {self.output}")

    def _run(self, *words: str) -> int:
        """``chansync …`` in this process; the exit code. What it prints, on both streams, is kept."""
        printed = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), _alone(self.path):
            code = main(list(words))
        printed.flush()
        printed.seek(0)
        self.output = printed.read()
        return code


def _check_kinds(part: Any) -> None:
    if not isinstance(part, dict):
        raise BrokenCase(f"{json.dumps(part):.100} is no object")
    for key, kind in _KINDS.items():
        if key in part and part[key] is not None and not isinstance(part[key], kind):
            raise BrokenCase(f"{key} cannot be {json.dumps(part[key]):.100}")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """The program finds this database, and nothing to read on its standard input."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHANSYNC_DB", str(path))
        patch.setattr(sys, "stdin", io.StringIO())
        yield
