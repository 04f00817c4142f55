"""Kills while a store works: the daemon and commands die at chosen points, and another goes on each time."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from chansync.demo import company
from support import shops

from . import victims
from .proof import prove
from .victims import Death, Point
from .world import World, world

Say = Callable[[str], None]


def kill_while_selling(folder: Path, seed: int, kills: int, rate: float, say: Say) -> tuple[Counter[str], list[str]]:
    """Kill ``kills`` processes; how often at which kind of point, and what is wrong at the end."""
    with world(folder, seed, rate=rate) as made:
        tally: Counter[str] = Counter()
        wrong: list[str] = []
        while tally.total() < kills:
            name = made.rng.choice(_TURNS)
            point = victims.chosen(made.rng)
            death = WORKS[name](made, point)
            say(
                f"{tally.total() + death.killed:>4} {name:<10} {point} {'' if death.killed else f'(code {death.code})'}"
            )
            if death.killed:
                tally[point.text.partition(":")[0] or "time"] += 1
            if "Traceback" in death.err:
                wrong.append(f"{name} at {point} printed a traceback: {death.err.strip().splitlines()[-1]}")
        quiet(made)
        return tally, wrong + prove(made)


def quiet(made: World) -> None:
    """Let a daemon work everything off that was asked for, and stop it politely."""
    made.close_shop()
    process = shops.command("daemon", database=made.path)
    try:
        made.until("SELECT count(*) FROM job WHERE state IN ('queued', 'running')", 0)
    finally:
        code, _, err = shops.stopped(process)
    assert code == 0, err
    # A dry run sweeps what one that was killed while it copied has left.
    _plan(made, Point())


def _daemon(made: World, point: Point) -> Death:
    made.ask("sync")
    return victims.run(["daemon"], made.path, point)


def _sync(made: World, point: Point) -> Death:
    return victims.run(["sync"], made.path, point)


def _write_out(made: World, point: Point) -> Death:
    made.move_stock()
    return victims.run(["erp", "write-out", *made.some_sales(8)], made.path, point)


def _cancel(made: World, point: Point) -> Death:
    return victims.run(["erp", "cancel", *made.some_sales(1)], made.path, point)


def _retry(made: World, point: Point) -> Death:
    return victims.run(["retry", company.CHANNEL], made.path, point)


def _secret(made: World, point: Point) -> Death:
    place = random.Random(str(point)).randint(1, 60)
    here = Point(f"line:chansync.secrets.sealing:{place}", point.seconds) if point.text.startswith("line") else point
    words = ["channel", "set", company.CHANNEL, "consumer_secret=-"]
    return victims.run(words, made.path, here, stdin=made.shop.consumer_secret + "\n")


def _plan(made: World, point: Point) -> Death:
    return victims.run(["sync", "--dry-run"], made.path, point)


def _backup(made: World, point: Point) -> Death:
    target = made.path.parent / "tmp" / "copy.db"
    death = victims.run(["db", "backup", "--force", str(target)], made.path, point)
    target.unlink(missing_ok=True)
    return death


WORKS: dict[str, Callable[[World, Point], Death]] = {
    "daemon": _daemon,
    "sync": _sync,
    "write-out": _write_out,
    "cancel": _cancel,
    "retry": _retry,
    "secret": _secret,
    "plan": _plan,
    "backup": _backup,
}

#: How often which is killed.
_TURNS = [*["daemon"] * 8, *["sync"] * 6, *["write-out"] * 4, "cancel", "retry", "secret", "plan", "backup"]
