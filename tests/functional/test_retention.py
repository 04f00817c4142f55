"""What is old is cleared away, what is still needed is not, and the room comes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import pytest

from chansync.db import pruning, settings
from chansync.db.connection import Store, open_async, open_store
from chansync.db.version import SCHEMA_VERSION
from chansync.model.channel import Channel
from chansync.model.errors import UsageError
from chansync.model.times import now_ms
from chansync.setup import retention as kept
from chansync.store import channels, messages, notices
from chansync.sync import retention
from support import shops, world
from support.orders import order
from support.world import OrderByOrder

T = TypeVar("T")
DAY = 86_400_000


def prune(store: Store) -> dict[str, int]:
    return _with(store, retention.prune)


def _with(store: Store, work: Callable[[Store], Awaitable[T]]) -> T:
    async def whole() -> T:
        opened = await open_async(store.path)
        try:
            return await work(opened)
        finally:
            await opened.aclose()

    return asyncio.run(whole())


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0.0)
    monkeypatch.setattr(pruning, "ROWS", 7)


def message(store: Store, code: str, age: int, *, solved: int | None = None) -> int:
    """A message that many days old; of a problem, when it was solved."""
    messages.log(store.db, code, f"{code} of {age} days ago.", channel_id=1, order_number=str(age))
    message_id: int = store.db.execute("SELECT max(id) FROM message").get
    if solved is not None:
        messages.solve(store.db, message_id, "anna")
        store.db.execute("UPDATE message SET solved_at = ? WHERE id = ?", (now_ms() - solved * DAY, message_id))
    store.db.execute("UPDATE message SET last_at = ? WHERE id = ?", (now_ms() - age * DAY, message_id))
    return message_id


def left(store: Store, table: str = "message") -> list[int]:
    return [row[0] for row in store.db.execute(f'SELECT id FROM "{table}" ORDER BY id')]


def test_old_messages_go_and_open_problems_stay(company: Store) -> None:
    old_warning = message(company, "site_odd", 400)
    old_solved = message(company, "site_unavailable", 400, solved=380)
    late_solved = message(company, "site_refused", 400, solved=10)
    still_open = message(company, "channel_incomplete", 4000)
    recent = message(company, "site_odd", 300)
    assert prune(company)["messages"] == 2
    assert left(company) == [late_solved, still_open, recent]
    assert {old_warning, old_solved}.isdisjoint(left(company))


def test_a_solution_that_was_not_told_yet_is_kept(company: Store) -> None:
    company.db.execute("INSERT INTO channel_parameter VALUES (1, 'notice_user', '\"anna\"')")
    untold = message(company, "site_unavailable", 400, solved=390)
    notices.give_email_routes(company.db)
    assert prune(company)["messages"] == 0
    [route] = notices.routes(company.db)
    notices.arrived(company.db, route, notices.last_event(company.db), sent=True)
    assert prune(company)["messages"] == 1
    assert untold not in left(company)
    # A later event still has a higher number than all that was told.
    message(company, "site_refused", 0)
    assert notices.waiting(company.db, notices.routes(company.db)[0]) is not None


def test_runs_jobs_and_notices(company: Store) -> None:
    ago = now_ms() - 3 * DAY
    long_ago = now_ms() - 100 * DAY
    company.db.executemany(
        """INSERT INTO run (channel_id, stream, trigger, owner, state, started_at, finished_at, created)
           VALUES (1, 'orders', ?, '', ?, ?, ?, ?)""",
        [
            ("schedule", "done", long_ago, long_ago, 5),
            ("schedule", "running", long_ago, None, 0),
            ("schedule", "done", ago, ago, 0),
            ("schedule", "done", ago, ago, 1),
            ("schedule", "failed", ago, ago, 0),
            ("command", "done", ago, ago, 0),
            *[("schedule", "done", ago, ago, 0)] * 20,
        ],
    )
    company.db.executemany(
        "INSERT INTO job (kind, asked_by, state, created_at, finished_at) VALUES ('sync', 'anna', ?, ?, ?)",
        [("done", long_ago, long_ago), ("queued", long_ago, None), ("failed", now_ms(), now_ms())],
    )
    cleared = prune(company)
    assert (cleared["runs"], cleared["empty_runs"], cleared["jobs"]) == (1, 22, 1)
    assert (left(company, "run"), left(company, "job")) == ([2, 4, 6], [2, 3])


def sale(store: Store, serial: int, age: int) -> int:
    """An order that is a sale, last changed that many days ago."""
    OrderByOrder(store.db, world.load_settings(store, _channel(store))).import_order(order(serial))
    order_id: int = store.db.execute('SELECT id FROM "order" WHERE external_id = ?', (str(serial),)).get
    store.db.execute('UPDATE "order" SET changed_at = ? WHERE id = ?', (now_ms() - age * DAY, order_id))
    return order_id


def _channel(store: Store) -> Channel:
    return channels.channel(store.db, "shop")


def test_the_sites_data_go_only_where_nothing_is_left_to_do(company: Store) -> None:
    done, recent, due, todo, refund, problem, sending = (
        sale(company, serial, 500 if serial != 2 else 5) for serial in range(1, 8)
    )
    unfinished = OrderByOrder(company.db, world.load_settings(company, _channel(company))).import_order(
        order(9, payment_code="unknown")
    )
    assert unfinished.code == "payment_unmapped"
    company.db.execute('UPDATE "order" SET changed_at = 0 WHERE external_id = ?', ("9",))
    company.db.execute('UPDATE "order" SET next_try_at = 1 WHERE id = ?', (due,))
    company.db.execute('UPDATE "order" SET todo = \'["pay"]\' WHERE id = ?', (todo,))
    company.db.execute("INSERT INTO order_refund VALUES (?, 'r', '1', '', NULL, NULL)", (refund,))
    messages.log(company.db, "order_changed", "Changed.", channel_id=1, order_id=problem, order_number="6")
    company.db.execute(
        "INSERT INTO outbox (channel_id, order_id, event, status, state, created_at) VALUES (1, ?, 'cancelled', 'x', "
        "'due', 0)",
        (sending,),
    )
    assert prune(company)["order_data"] == 1
    without = [row[0] for row in company.db.execute('SELECT id FROM "order" WHERE raw IS NULL')]
    assert without == [done]
    assert recent not in without
    assert len(world.sales(company)) == 7
    # It is followed as before: the same order again changes nothing.
    again = OrderByOrder(company.db, world.load_settings(company, _channel(company))).import_order(order(1))
    assert again.action.name == "UNCHANGED"


def test_the_latest_status_of_an_order_stays(company: Store) -> None:
    order_id = sale(company, 1, 0)
    company.db.executemany(
        """INSERT INTO outbox (channel_id, order_id, event, status, state, created_at) VALUES (1, ?, ?, 'x', ?, 0)""",
        [
            (order_id, "written out", "confirmed"),
            (order_id, "written out and paid", "superseded"),
            (order_id, "cancelled", "confirmed"),
        ],
    )
    assert prune(company)["outbox"] == 2
    assert world.rows(company, "SELECT event FROM outbox") == [("cancelled",)]


def test_off_keeps_for_ever_and_wrong_settings_change_nothing(company: Store) -> None:
    kept.change(company.db, {"keep_messages": "off", "keep_runs": "2 d"})
    message(company, "site_odd", 4000)
    assert prune(company)["messages"] == 0
    for texts in ({"keep_messages": "1h"}, {"keep_messages": "soon"}, {"keep_mesages": "30d"}):
        with pytest.raises(UsageError, match="Nothing was changed"):
            kept.change(company.db, texts)
    assert kept.values(company.db)["keep_messages"] == "off"
    kept.change(company.db, {"keep_messages": ""})
    assert kept.values(company.db)["keep_messages"] == "365d"


@pytest.mark.parametrize(
    ("ago", "hour", "due"),
    [(1, 3, False), (23, 3, True), (23, 12, False), (45, 12, True), (-5, 12, True)],
)
def test_the_daemon_clears_away_at_night_or_when_that_was_missed(store: Store, ago: int, hour: int, due: bool) -> None:
    now = datetime.now().astimezone().replace(hour=hour)
    settings.put(store.db, "pruned_at", str(int(now.timestamp() * 1000) - ago * 3_600_000))
    assert retention.is_time(store.db, now) is due


def test_the_room_comes_back_while_somebody_reads_and_writes(company: Store) -> None:
    company.db.execute(
        """INSERT INTO message (channel_id, severity, code, sentence, data, first_at, last_at)
           WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
           SELECT 1, 'warning', 'site_odd', 'x', hex(zeroblob(1000)), 1, 1 FROM n"""
    )
    reader = open_store(company.path)
    with reader.db:
        count = reader.db.execute("SELECT count(*) FROM message").get
    before = company.db.pragma("page_count")
    pruning.ROWS = 500
    assert prune(company)["messages"] == count
    writes = company.db.execute("INSERT INTO setting VALUES ('beside', 'yes') RETURNING value").get
    assert writes == "yes"
    assert _with(company, retention.give_back) >= 0
    after = company.db.pragma("page_count")
    assert after < before / 5
    assert company.db.execute("PRAGMA integrity_check").get == "ok"
    reader.close()


_OLD = """
import sys, time
from chansync.db import migrations as evolution
from sqlite_utils import Database
db = Database(sys.argv[1])
db.execute("PRAGMA auto_vacuum = INCREMENTAL")
db.execute("PRAGMA journal_mode = WAL")
evolution.migrations.apply(db, stop_before="0008_stock")
for sql in (
    "INSERT INTO integration_system (code, name, kind, created_at) VALUES ('woo', 'Woo', 'woocommerce', 0)",
    "INSERT INTO channel (code, system_id, used, created_at, updated_at) VALUES ('shop', 1, 1, 0, 0)",
    "INSERT INTO channel_parameter VALUES (1, 'code', '\\"shop\\"'), (1, 'notice_user', '\\"anna\\"')",
    "INSERT INTO message (channel_id, severity, code, sentence, first_at, last_at, open) "
    "VALUES (1, 'problem', 'site_unavailable', 'Down.', 5, 5, 1)",
):
    db.execute(sql)
db.conn.commit()
db.close()
"""


def test_a_file_of_the_first_schema_is_brought_up_to_date_and_gives_room_back(tmp_path: Path) -> None:
    path = tmp_path / "chansync.db"
    subprocess.run([sys.executable, "-c", _OLD, str(path)], check=True)
    store = open_store(path)
    assert store.db.pragma("user_version") == SCHEMA_VERSION
    assert world.rows(store, "SELECT user, event, at FROM notice_event") == [("anna", "problem", 5)]
    assert world.rows(store, "SELECT sentence FROM message WHERE open = 1") == [("Down.",)]
    store.close()
    code, out, err = shops.finished(shops.command("db", "vacuum", database=path))
    assert (code, err) == (0, "")
    assert "were given back" in out


def test_a_replicator_that_reads_all_the_time_disturbs_nothing(company: Store) -> None:
    """Litestream keeps a read transaction open, so that nobody restarts the log, and has tables of its own."""
    replicator = open_store(company.path)
    replicator.db.execute("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")
    replicator.db.execute("CREATE TABLE _litestream_lock (id INTEGER)")
    replicator.db.execute("BEGIN DEFERRED")
    assert replicator.db.execute("SELECT count(*) FROM _litestream_seq").get == 0
    message(company, "site_odd", 400)
    for words in (["db", "prune"], ["db", "vacuum"], ["db", "check"], ["db", "backup", str(company.path) + ".copy"]):
        code, _, err = shops.finished(shops.command(*words, database=company.path))
        assert (code, "Traceback" in err) == (0, False), (words, err)
    assert left(company) == []
    replicator.db.execute("COMMIT")
    replicator.close()


_HURRIED = """
import sys
import chansync_daemon.service as service
service.CLEAR_EVERY = 0.2
from chansync.cli.main import main
sys.exit(main(["daemon"]))
"""


def test_the_daemon_clears_away_by_itself(company: Store) -> None:
    channel = _channel(company)
    channels.save_channel(company.db, channel.id, {"used": False}, {})
    message(company, "site_odd", 400)
    recent = message(company, "site_odd", 1)
    daemon = subprocess.Popen(
        [sys.executable, "-c", _HURRIED],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"CHANSYNC_DB": str(company.path)},
    )
    assert daemon.stderr is not None
    for line in daemon.stderr:
        if "cleared away" in line:
            break
    assert line == "INFO cleared away what is old: messages 1\n"
    code, _, rest = shops.stopped(daemon)
    assert (code, "cleared" in rest) == (0, False), "once a day is enough"
    assert left(company) == [recent]
