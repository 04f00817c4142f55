"""A kill at each point of a script of work, one after the other; nothing is left to chance.

Every piece of work is run once to count its points, and once more for each of them: killed there, then done by an
ordinary run. Both sides must then be as they are without a kill, row by row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chansync.db.connection import open_store
from chansync.erp.ledger.check import check
from chansync.model.errors import ChansyncError

from . import victims
from .snapshot import Snapshot, contents, differences
from .victims import Death, Point

Say = Callable[[str], None]
Rows = dict[str, list[tuple[Any, ...]]]

#: What a piece of work may say when it was done already by the run that was killed.
DONE_ALREADY = ("already", "There is nothing")


#: Where two tasks of a run take turns, some points come no second time: so many of those that do, at the most.
MISSED = 0.05


@dataclass(frozen=True, slots=True)
class Work:
    """A command, what comes before it, and what must be so after it beside the contents of both sides.

    Attributes:
        prepare: called before it, once.
        then: a command that follows it, in whose end both sides must be the same again.
        proof: sentences on what is wrong after it.
        volatile: tables, and columns as ``table.column``, that may differ, because the proof looks at them.
    """

    name: str
    words: tuple[str, ...]
    prepare: Callable[[], None] = lambda: None
    then: tuple[str, ...] = ()
    proof: Callable[[], list[str]] = list
    stdin: str = ""
    volatile: frozenset[str] = frozenset()


@dataclass(slots=True)
class Script:
    """Works in the order in which they are done, on one database with one fake site.

    Attributes:
        view: what the site has now, from its own view.
        at_the_end: sentences on what is wrong when all is done: the proof that needs no run without kills beside it.
    """

    path: Path
    site: Any
    view: Callable[[], Any]
    works: list[Work]
    at_the_end: Callable[[], list[str]] = list
    wrong: list[str] = field(default_factory=list)
    points: Counter[str] = field(default_factory=Counter)
    killed: int = 0
    missed: int = 0

    def go(self, every: int, first: int, say: Say) -> None:
        """Kill at every ``every``-th point of all, from the ``first`` on."""
        number = 0
        for work in self.works:
            work.prepare()
            before = Snapshot(self.path, self.site, self.path.parent.with_name(f"{self.path.parent.name}.before"))
            death, counts = victims.points(work.words, self.path, stdin=work.stdin)
            # What stays a problem for a person is 1.
            if death.code not in (0, 1):
                self.wrong.append(f"{work.name} went wrong without a kill: {death.err}")
            self._then(work)
            reference = self._both(work)
            self.wrong += [f"{work.name} without a kill: {each}" for each in self._proof(work)]
            after = Snapshot(self.path, self.site, self.path.parent.with_name(f"{self.path.parent.name}.after"))
            self.points.update({f"{work.name} {kind}": count for kind, count in counts.items()})
            say(f"{work.name}: {dict(counts)}")
            for kind, count in sorted(counts.items()):
                for place in range(1, count + 1):
                    if number % every == first % every:
                        before.restore()
                        self._kill(work, Point(f"{kind}::{place}"), reference, say)
                    number += 1
            after.restore()
        self.wrong += [f"at the end: {sentence}" for sentence in self.at_the_end()]

    def _kill(self, work: Work, point: Point, reference: Rows, say: Say) -> None:
        death = victims.run(work.words, self.path, point, stdin=work.stdin)
        self.killed += death.killed
        again = victims.run(work.words, self.path, Point(), stdin=work.stdin)
        self._then(work)
        self.missed += not death.killed
        found = _said(death) + _said(again)
        if again.code not in (0, 1) and not any(words in again.err for words in DONE_ALREADY):
            found.append(f"the run after it ended with {again.code}: {again.err.strip()[-300:]}")
        found += differences(reference, self._both(work)) + self._proof(work)
        self.wrong += [f"{work.name} at {point}: {each}" for each in found]
        if found:
            say(f"{work.name} at {point}: {found}")

    def _then(self, work: Work) -> None:
        if work.then:
            victims.run(work.then, self.path, Point())

    def _both(self, work: Work) -> Rows:
        found = contents(self.path, work.volatile)
        return found | {"the site": [(self.view(),)], "the folder": [(name,) for name in self._files()]}

    def _files(self) -> list[str]:
        """What lies beside the database, without the dates in the names of backups, of which there may be several."""
        return sorted({"".join(c for c in each.name if not c.isdigit()) for each in self.path.parent.iterdir()})

    def _proof(self, work: Work) -> list[str]:
        try:
            store = open_store(self.path, create=False)
            try:
                return [f"books: {sentence}" for sentence in check(store.db)] + work.proof()
            finally:
                store.close()
        except ChansyncError as error:
            return [f"it cannot be used: {error}"]


def _said(death: Death) -> list[str]:
    return [f"it printed a traceback: {death.err.strip()[-300:]}"] if "Traceback" in death.err else []


#: What makes a script: a company of its own in the folder.
Making = Callable[[Path], AbstractContextManager[Script]]


def kill_at_every_point(
    base: Path, makings: Mapping[str, Making], every: int, first: int, say: Say
) -> tuple[Counter[str], int, list[str]]:
    """Go through scripts; how many points there are of which kind, how many processes were killed, what is wrong."""
    points: Counter[str] = Counter()
    killed = missed = 0
    wrong: list[str] = []
    for name, making in makings.items():
        folder = base / name / "db"
        folder.mkdir(parents=True)
        with making(folder) as script:
            script.go(every, first, say)
        points.update({f"{name}: {kind}": count for kind, count in script.points.items()})
        killed += script.killed
        missed += script.missed
        wrong += [f"{name}: {sentence}" for sentence in script.wrong]
    if missed > killed * MISSED:
        wrong.append(f"{missed} points were not come to again, with {killed} that were")
    return points, killed, wrong
