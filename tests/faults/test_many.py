"""Many programs with one file: a daemon that imports, screens on terminals, and commands that write."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from chansync.db.connection import open_store
from chansync.demo import company
from chansync.erp.ledger.check import check
from faults.screens import Screens
from faults.world import rows, world
from support import shops

pytestmark = [pytest.mark.e2e, pytest.mark.long]


def test_a_daemon_screens_and_commands_share_one_file(tmp_path: Path) -> None:
    with world(tmp_path, seed=4, orders=100, rate=15) as made:
        daemon = shops.command("daemon", database=made.path)
        screens = [Screens(made.path) for _ in range(2)]
        made.until("SELECT count(*) > 20 FROM erp_sale", 1)
        failed: list[str] = []

        def write(number: int) -> None:
            for turn in range(3):
                words = [
                    ["channel", "set", company.CHANNEL, f"description=turn {turn} of {number}"],
                    ["erp", "write-out", *made.some_sales(2)],
                    ["retry", company.CHANNEL],
                    ["sync", company.CHANNEL],
                    ["status"],
                ][(turn + number) % 5]
                code, _, err = shops.finished(shops.command(*words, database=made.path))
                if code not in (0, 1) or "Traceback" in err or "locked" in err:
                    failed.append(f"{words}: {code} {err}")
                for screen in screens:
                    screen.press("123"[turn % 3])

        writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        made.close_shop()
        assert failed == []
        assert [screen.quit() for screen in screens] == [0, 0]
        assert ["Traceback" in screen.text() for screen in screens] == [False, False]
        code, _, err = shops.stopped(daemon)
        assert (code, "Traceback" in err) == (0, False), err
        assert shops.sync(made.path).state == "done"
        judged = shops.audited(made.path)
        assert (judged.wrong, judged.newer) == ([], 0)
        assert rows(made.path, "SELECT count(*) - count(DISTINCT key) FROM erp_sale") == [(0,)]
        store = open_store(made.path)
        assert check(store.db) == []
        store.close()
