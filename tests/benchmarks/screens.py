"""The screens in a terminal, beside a bare Textual app with a table of 2,000 rows that is measured in turn with them.

The terminal is a pseudo terminal of 80x24 cells, read through a model of one: a screen counts when its rows are there.
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import apsw
from tests.benchmarks import million
from tests.benchmarks.pty_program import PtyProgram

STARTS = 11
IDLE_SECONDS = 15.0
KEYS = 30

BARE = [sys.executable, "-m", "tests.benchmarks.bare"]


def screens(folder: Path) -> None:
    """With a database of ten channels, as most have it."""
    path = folder / "small.db"
    million.make(path, channel_count=10, message_count=20_000, order_count=20_000)
    _compare("screens, 10 channels", path)


def screens_of_a_million(folder: Path) -> None:
    """With 500 channels, 1,000,000 messages and 1,000,000 orders."""
    path = million.made(folder)
    _compare("screens, 500 channels, 1,000,000 messages and 1,000,000 orders", path)
    _scroll_the_log(path)
    _filters(path)


def _ours(path: Path) -> list[str]:
    # The entry point as pip installs it, so that its own start counts.
    return [str(Path(sys.executable).with_name("chansync")), "--db", str(path)]


def _compare(title: str, path: Path) -> None:
    print(f"{title}:")
    _starts(path)
    with PtyProgram(BARE) as bare, PtyProgram(_ours(path)) as ours:
        bare.read_until(lambda screen: "row-0000" in screen)
        ours.read_until(lambda screen: "shop-001" in screen)
        for program in (bare, ours):
            program.settle()
        _keys(bare, ours)
        _idle(bare, ours)
        print(
            f"  memory: bare {bare.memory / 1e6:.0f} MB, chansync {ours.memory / 1e6:.0f} MB, "
            f"ratio {ours.memory / bare.memory:.2f} (wanted: at most 1.1)"
        )
        _changes(ours, path)


def _starts(path: Path) -> None:
    taken: dict[str, list[float]] = {"bare": [], "ours": []}
    for _ in range(STARTS):
        for name, command, row in (("bare", BARE, "row-0000"), ("ours", _ours(path), "shop-001")):
            with PtyProgram(command) as program:
                taken[name].append(program.read_until(lambda screen, row=row: row in screen) - program.begun)
    bare, ours = (statistics.median(taken[name]) for name in ("bare", "ours"))
    print(
        f"  first useful screen: bare {bare * 1000:.0f} ms, chansync {ours * 1000:.0f} ms, ratio {ours / bare:.2f} "
        "(wanted: at most 0.7)"
    )


#: The lists: the keys that lead to each from the last, and what is then on the screen.
_LISTS = (
    ("overview", "", "shop-"),
    ("channels", "1", "[1 Channels]"),
    ("causes", "3", "SKU-"),
    ("the log", "g", "First"),
    ("orders", "4", "[4 Orders]"),
    ("sales", "5\r", "WEB-"),
)


def _keys(bare: PtyProgram, ours: PtyProgram) -> None:
    """The cursor goes up and down within the page of each list, and rests at each row."""
    for name, keys, wanted in _LISTS:
        for key in keys:
            ours.press(key)
            ours.settle()
        if wanted not in ours.text:
            ours.read_until(lambda screen, wanted=wanted: wanted in screen)
        taken: dict[PtyProgram, list[tuple[float, float, int]]] = {bare: [], ours: []}
        for number in range(KEYS):
            for program in (bare, ours):
                before = program.cpu
                seconds, count = program.answer("\x1b[B" if number % 8 < 4 else "\x1b[A")
                taken[program].append((seconds * 1000, (program.cpu - before) * 1000, count))
        said = []
        for program in (ours, bare):
            seconds, cpu, count = (statistics.median(each) for each in zip(*taken[program], strict=True))
            said.append(f"{seconds:.1f} ms, {cpu:.1f} ms of CPU, {count:.0f} bytes")
        print(f"  a key in {name}: {said[0]}; bare {said[1]} (wanted: 5 ms, at most 1000 bytes)")
    ours.press("0")
    ours.settle()


def _idle(bare: PtyProgram, ours: PtyProgram) -> None:
    """Both at once: what else the machine does falls on both."""
    before = {program: program.cpu for program in (bare, ours)}
    begun = time.perf_counter()
    written = ours.read_for(IDLE_SECONDS)
    wall = time.perf_counter() - begun
    percent = {program: (program.cpu - before[program]) / wall * 100 for program in (bare, ours)}
    print(
        f"  idle CPU: bare {percent[bare]:.2f} %, chansync {percent[ours]:.2f} %, "
        f"{percent[ours] - percent[bare]:+.2f} points (wanted: at most +0.3)"
    )
    print(f"  bytes written in {wall:.0f} s without a change: {written} (wanted: 0)")


def _changes(ours: PtyProgram, path: Path) -> None:
    """From the commit of another process to the screen."""
    taken = []
    # The names are in the list of channels.
    ours.press("1")
    ours.read_until(lambda screen: "[1 Channels]" in screen and "shop-001" in screen)
    for number in range(12):
        name = f"renamed {number}"
        time.sleep(0.05 * (number % 5))
        at = _commit(path, name)
        taken.append(ours.read_until(lambda screen, name=name: name in screen) - at)
    print(
        f"  a change of another process is on the screen after {statistics.median(taken) * 1000:.0f} ms, "
        f"at most {max(taken) * 1000:.0f} ms (wanted: a quarter of a second)"
    )


def _commit(path: Path, name: str) -> float:
    """Rename the first channel, as the daemon would write; the time of the commit."""
    db = apsw.Connection(str(path))
    with db:
        db.execute("UPDATE channel_parameter SET value = ? WHERE channel_id = 1 AND name = 'name'", (f'"{name}"',))
    at = time.perf_counter()
    db.close()
    return at


def _scroll_the_log(path: Path) -> None:
    with PtyProgram(_ours(path)) as ours:
        ours.read_until(lambda screen: "shop-001" in screen)
        _open_the_log(ours)
        ours.settle()
        moves = [ours.answer("j" if number % 8 < 4 else "k") for number in range(KEYS)]
        pages = [ours.answer("\x06") for _ in range(10)]
        begun = ours.press("G")
        last = ours.read_until(lambda screen: "'SKU-1'" in screen and "'SKU-2'" in screen) - begun
    for name, taken in (("a cursor move", moves), ("a page", pages)):
        seconds = statistics.median(each for each, _ in taken)
        print(f"  in the log, {name}: {seconds * 1000:.1f} ms, {statistics.median(b for _, b in taken):.0f} bytes")
    print(f"  in the log, to the oldest message: {last * 1000:.0f} ms")


def _open_the_log(ours: PtyProgram) -> None:
    """The page of messages opens with the causes of the open problems; behind them is the log."""
    ours.press("3")
    ours.read_until(lambda screen: "[3 Messages" in screen and "causes of" in screen)
    ours.press("g")
    ours.read_until(lambda screen: "First" in screen and "shop-001" in screen)


#: What is asked of the log: as the fields of ``Filter``.
_FILTERS: dict[str, dict[str, object]] = {
    "text, many hits": {"text": "payment"},
    "text, one hit": {"text": "500123"},
    "text, no hit": {"text": "no such words"},
    "text of everyday pieces, no hit": {"text": "the payment method is not known"},
    "two letters, no hit": {"text": "zq"},
    "channel": {"channel_id": 7},
    "channel and text, no hit": {"channel_id": 7, "text": "no such words"},
    "code": {"code": "connected"},
    "code, no hit": {"code": "no_document"},
    "code and text, no hit": {"code": "site_unavailable", "text": "order"},
    "severity and text, no hit": {"severity": "info", "text": "klarna"},
    "open only": {"open_only": True},
    "open only and text, no hit": {"open_only": True, "text": "no such words"},
}


def _filters(path: Path) -> None:
    from chansync.db.connection import open_store
    from chansync.store.message_search import Filter
    from chansync.store.overview import message_lines

    store = open_store(path)
    for name, fields in _FILTERS.items():
        taken, found = [], 0
        for _ in range(7):
            begun = time.perf_counter()
            found = len(message_lines(store.db, Filter(**fields), limit=201))  # type: ignore[arg-type]
            taken.append(time.perf_counter() - begun)
        print(f"  filter by {name}: {statistics.median(taken) * 1000:.1f} ms, {found} rows (wanted: 100 ms)")
    store.close()
    with PtyProgram(_ours(path)) as ours:
        ours.read_until(lambda screen: "shop-001" in screen)
        _open_the_log(ours)
        # What is typed is on the screen too, beside the filter.
        for text, wanted, times in (("500123", "500123", 2), ("no such", "No message matches", 1)):
            ours.press("\x1b")
            ours.settle(0.5)
            ours.press("/" + text[:-1])
            ours.settle(0.5)
            begun = ours.press(text[-1])
            shown = ours.read_until(lambda screen, wanted=wanted, times=times: screen.count(wanted) >= times) - begun
            print(f"  on the screen, filter by {text!r}: {shown * 1000:.0f} ms from the last key (wanted: 100 ms)")
