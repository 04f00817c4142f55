"""Kills while a database is made, its keys are made, and an older one is brought up to date."""

from __future__ import annotations

import random
import shutil
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import apsw

from chansync.db.connection import open_store
from chansync.db.locations import key_path
from chansync.db.version import FIRST_SCHEMA, SCHEMA_VERSION
from chansync.secrets import sealing

from . import victims
from .victims import Point
from .world import rows

Say = Callable[[str], None]

#: Where a kill may fall while a file is made or brought up to date: module and about how many lines of it run.
MAKING = (("chansync.db.connection", 60), ("chansync.db.migrations", 700), ("chansync.cli.db.database", 10))
KEYS = (("chansync.secrets.sealing", 60), ("chansync.setup.channel_settings", 200), ("chansync.store.channels", 80))

#: How often one making is killed before it may go through.
TIMES = 3

CHANNEL_WORDS = [
    "channel", "add", "shop", "name=Shop", "integration_system=w", "store_domain=shop.example", "consumer_secret=-",
]  # fmt: skip
SECRET = "cs_0123456789abcdef"


def kill_while_making(base: Path, seed: int, kills: int, say: Say) -> tuple[Counter[str], list[str]]:
    """Kill that many makings; how often of which kind, and what is wrong with what came of them."""
    rng = random.Random(seed)
    tally: Counter[str] = Counter()
    wrong: list[str] = []
    works: list[tuple[str, Callable[[Path, random.Random], tuple[int, list[str]]]]] = [
        ("init", make),
        ("key", make_key),
    ]
    works += [(f"from {version}", _upgrade_from(version)) for version in range(FIRST_SCHEMA, SCHEMA_VERSION)]
    number = 0
    while tally.total() < kills:
        name, work = works[number % len(works)]
        number += 1
        folder = base / f"{name.replace(' ', '-')}-{number}"
        folder.mkdir()
        killed, found = work(folder, rng)
        tally[name] += killed
        wrong += [f"{name} ({folder.name}): {sentence}" for sentence in found]
        say(f"{tally.total():>4} {name:<10} {killed} kills {found or ''}")
        if not found:
            shutil.rmtree(folder)
    return tally, wrong


def make(folder: Path, rng: random.Random) -> tuple[int, list[str]]:
    """``db init``, killed a few times and then let through."""
    path = folder / "chansync.db"
    killed, found = _killed(["db", "init"], path, rng, MAKING)
    return killed, found + _is_whole(path)


def make_key(folder: Path, rng: random.Random) -> tuple[int, list[str]]:
    """A channel's first secret, with which the pair of keys is made."""
    path = folder / "chansync.db"
    make_system(path)
    killed, found = _killed(CHANNEL_WORDS, path, rng, KEYS, stdin=SECRET + "\n", once=True)
    mode = stat.S_IMODE(key_path(path).stat().st_mode) if key_path(path).exists() else None
    if mode != 0o600:
        found.append(f"the key's mode is {mode}")
    if (read := opened(path)) != {"consumer_secret": SECRET}:
        found.append(f"the secret reads {sorted(read)}")
    return killed, found


def make_system(path: Path) -> None:
    """A database with an integration system."""
    store = open_store(path)
    store.db.execute(
        "INSERT INTO integration_system (code, name, kind, created_at) VALUES ('w', 'W', 'woocommerce', 0)"
    )
    store.close()


def opened(path: Path) -> dict[str, str]:
    """The channel's secrets in clear; none where the channel was not made."""
    store = open_store(path)
    try:
        channel = store.db.execute("SELECT id FROM channel").get
        return sealing.open_all(store.db, path, channel, "https://shop.example") if channel else {}
    finally:
        store.close()


def _upgrade_from(version: int) -> Callable[[Path, random.Random], tuple[int, list[str]]]:
    def upgrade(folder: Path, rng: random.Random) -> tuple[int, list[str]]:
        path = folder / "chansync.db"
        make_version(path, version)
        killed, found = _killed(["db", "init"], path, rng, MAKING)
        kept = rows(path, "SELECT value FROM setting WHERE name = 'kept'")
        if kept != [("yes",)]:
            found.append(f"a row of the older file reads {kept}")
        copies = list(folder.glob("chansync.before-*.db"))
        versions = {rows(copy, "PRAGMA user_version")[0][0] for copy in copies}
        if not any(rows(copy, "PRAGMA user_version") == [(version,)] for copy in copies):
            found.append(f"no backup is of schema {version}: {versions}")
        return killed, found + _is_whole(path)

    return upgrade


def make_version(path: Path, version: int) -> None:
    """A database as a chansync of that schema made it, with a row to be kept."""
    script = (
        "import sys; from sqlite_utils import Database; from chansync.db import migrations as e\n"
        "db = Database(sys.argv[1]); db.execute('PRAGMA journal_mode = WAL')\n"
        "later = [m.name for m in e.migrations.pending(db) if int(m.name[:4]) > int(sys.argv[2])]\n"
        "e.migrations.apply(db, stop_before=later); db.close()"
    )
    subprocess.run([sys.executable, "-c", script, str(path), str(version)], check=True)
    path.chmod(0o660)
    db = apsw.Connection(str(path))
    db.execute("INSERT INTO setting (name, value) VALUES ('kept', 'yes')")
    db.close()


def _killed(
    words: list[str],
    path: Path,
    rng: random.Random,
    places: tuple[tuple[str, int], ...],
    *,
    stdin: str = "",
    once: bool = False,
) -> tuple[int, list[str]]:
    """Kill the command a few times, then let it through; how often it was killed, and what it said wrongly.

    Args:
        once: the command may be done by a victim already, and then refuses to do it again.
    """
    killed = 0
    found: list[str] = []
    points = [_point(rng, places) for _ in range(rng.randint(1, TIMES))]
    for point in points:
        death = victims.run(words, path, point, stdin=stdin)
        killed += death.killed
        if death.code not in (0, -9) and not (once and "already" in death.err):
            found.append(f"at {point}: {death.err.strip()}")
    done = victims.run(words, path, Point(), stdin=stdin)
    if done.code and not (once and "already" in done.err):
        found.append(f"after {', '.join(map(str, points))}: {done.err.strip()}")
    return killed, found


def _point(rng: random.Random, places: tuple[tuple[str, int], ...]) -> Point:
    if shutil.which("strace") and rng.random() < 0.3:
        return Point(f"syscall:{rng.choice(victims.SYSCALLS)}:{rng.randint(1, 60)}")
    module, lines = rng.choice(places)
    return Point(f"line:{module}:{rng.randint(1, lines)}")


def _is_whole(path: Path) -> list[str]:
    """What differs from a database that was made without a kill."""
    found: list[str] = []
    clean = path.with_name("clean.db")
    open_store(clean).close()
    # Columns that were added later stand elsewhere in the text of a table than in one made at once.
    names = "SELECT type, name FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
    for sql in (names, "PRAGMA user_version", "PRAGMA application_id", "PRAGMA journal_mode"):
        found += [f"{sql} differs from a new database"] * (rows(path, sql) != rows(clean, sql))
    if rows(path, "PRAGMA integrity_check") != [("ok",)]:
        found.append("the integrity check fails")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode != 0o660:
        found.append(f"its mode is {mode:o}")
    known = {"chansync.db", "chansync.key", "chansync.lock", "clean.db", "clean.lock", "tmp"}
    left = [each.name for each in path.parent.iterdir() if each.name not in known]
    return found + [f"{name} is left" for name in left if not name.startswith("chansync.before-")]
