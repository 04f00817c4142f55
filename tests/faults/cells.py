"""Nonsense in any cell of the database, as a careless hand or another program leaves it: a sentence says so."""

from __future__ import annotations

import contextlib
import io
import random
import shutil
from pathlib import Path
from typing import Any

import apsw

from chansync.cli.main import main
from chansync.demo.woocommerce import DemoServer, DemoShop
from support import shops

from .impatience import impatient
from .world import SETTINGS

#: What is written into cells; a table that is strict refuses some of them.
VALUES: tuple[Any, ...] = (
    None, 0, -1, 1, 2**63 - 1, -(2**63), 10**15, 0.5, "", " ", "x", "0", "-1", "NaN", "1e9999", "2026-13-45", "[]",
    "{}", "[", '{"a": [', "null", '"x"', "[null]", '{"a": null}', "[1, {}]", "\x00", "\x1b[2J", "a" * 100_000,
    b"\xff\xfe", b"", "9" * 400, "woocommerce", "imported",
)  # fmt: skip

#: What looks at everything and asks no site that answers.
COMMANDS = (
    "status", "channel list", "channel show {channel}", "channel export", "system list", "log -n 5",
    "log --open --json",
    "why {channel} {order}", "map payment {channel}", "erp list item", "erp list sale", "erp sales", "erp sale {sale}",
    "erp check", "health", "db check", "db path", "retry {channel}", "sync {channel}", "sync {channel} --dry-run",
    "sync {channel} --statuses --quantities", "status --json", "erp list pos", "notices show", "doctor",
)  # fmt: skip


def tables(db: apsw.Connection) -> dict[str, list[str]]:
    """The program's tables and their columns; not those of the search index and of SQLite itself."""
    names = db.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'"
    )
    return {name: [row[1] for row in db.execute(f'PRAGMA table_info("{name}")')] for (name,) in list(names)}


def spoil(path: Path, seed: int) -> list[str]:
    """Write nonsense into one to three columns of the database; what was written where."""
    rng = random.Random(seed)
    db = apsw.Connection(str(path))
    done: list[str] = []
    try:
        db.execute("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON")
        filled = {name: columns for name, columns in tables(db).items() if db.execute(f'SELECT 1 FROM "{name}"').get}
        wanted = rng.randint(1, 3)
        while len(done) < wanted:
            table = rng.choice(sorted(filled))
            column, value = rng.choice(filled[table]), rng.choice(VALUES)
            everywhere = rng.random() < 0.5
            where = "" if everywhere else f'WHERE rowid = (SELECT max(rowid) FROM "{table}")'
            with contextlib.suppress(apsw.Error, UnicodeEncodeError):
                db.execute(f'UPDATE "{table}" SET "{column}" = ? {where}', (value,))
                done.append(f"{table}.{column} = {value!r:.30}{' everywhere' if everywhere else ''}")
    finally:
        db.close()
    return done


def said(words: list[str], path: Path) -> tuple[int, str, str]:
    """Exit code, output and diagnostics of a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["--db", str(path), *words])
    return code, out.getvalue(), err.getvalue()


def objections(words: list[str], path: Path) -> list[str]:
    """What a user should not have to see of a command."""
    try:
        code, _out, err = said(words, path)
    except BaseException as error:
        return [f"{' '.join(words)}: {error!r:.200}"]
    wrong = []
    if code not in range(8):
        wrong.append(f"{' '.join(words)}: exit code {code}")
    if "fault of its own" in err or "Traceback" in err:
        wrong.append(f"{' '.join(words)}: {err.strip()[-300:]}")
    return wrong


def fill(path: Path) -> dict[str, str]:
    """A company that has sold, sent back and had problems; the words that ``COMMANDS`` leaves open."""
    shop = DemoShop.create(orders=40, seed=7)
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server, cadence="1h")
        shops.finished(shops.command("channel", "set", "demo", *SETTINGS, database=path))
        for _ in range(3):
            shop.place_order([("SKU-001", 1)], status="processing")
        shops.sync(path)
        [sale] = [row[0] for row in shops.query(path, "SELECT number FROM erp_sale ORDER BY id DESC LIMIT 1")]
        shops.finished(shops.command("erp", "write-out", sale, database=path))
        shops.finished(shops.command("sync", "demo", "--statuses", "--quantities", "--lookups", database=path))
        for status in ("cancelled", "processing"):
            own = shop.place_order([("SKU-002", 1)], status="processing")
            shops.sync(path)
            shop.edit_order(own, {"status": status, "customer_note": "x"})
            shops.sync(path)
        [order] = [row[0] for row in shops.query(path, 'SELECT number FROM "order" ORDER BY id DESC LIMIT 1')]
    return {"channel": "demo", "sale": sale, "order": order}


def attack(filled: Path, folder: Path, words: dict[str, str], seeds: range, commands: int) -> list[str]:
    """Spoil a copy for each seed and run some commands on it; what a user should not have to see."""
    wrong: list[str] = []
    with impatient():
        for seed in seeds:
            path = folder / f"{seed}.db"
            shutil.copy(filled, path)
            shutil.copy(filled.with_suffix(".key"), path.with_suffix(".key"))
            done = spoil(path, seed)
            for command in random.Random(seed).sample(COMMANDS, commands):
                found = objections(command.format(**words).split(), path)
                wrong += [f"{seed} ({'; '.join(done)}) {each}" for each in found]
            for left in folder.glob(f"{seed}.*"):
                left.unlink()
    return wrong
