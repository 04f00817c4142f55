"""A daemon that is killed while it tells somebody of a problem."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from chansync.db.connection import Store
from chansync.notices import settings
from chansync.store import channels, messages
from support import mailbox, shops, world
from support.patience import PATIENCE

pytestmark = pytest.mark.e2e


def _until(path: Path, sql: str) -> None:
    end = time.monotonic() + PATIENCE
    while not shops.query(path, sql)[0][0]:
        assert time.monotonic() < end, sql
        time.sleep(0.05)


@pytest.fixture
def told(company: Store) -> Store:
    """Anna is to be told of a problem that came a minute ago."""
    company.db.execute("INSERT INTO erp_user (code, name, email) VALUES ('anna', 'Anna', 'anna@shop.example')")
    channel = channels.channel(company.db, "shop")
    channels.save_channel(company.db, channel.id, {"notice_user": "anna", "used": False}, {})
    messages.log(company.db, "site_refused", "The site refused.", channel_id=channel.id)
    company.db.execute("UPDATE notice_event SET at = at - 60000")
    return company


def test_a_daemon_that_is_killed_while_it_tells_is_followed_by_one_that_tells_once(told: Store) -> None:
    with mailbox.silent_server() as port:
        use(told, port)
        first = shops.command("daemon", database=told.path)
        _until(told.path, "SELECT count(*) FROM notice_route WHERE sending_upto IS NOT NULL")
        first.kill()
        first.communicate()
    with mailbox.mail_server() as box:
        use(told, box.port)
        for _ in range(2):
            daemon = shops.command("daemon", database=told.path)
            shops.until_it_says(daemon, "started on")
            _until(told.path, "SELECT count(*) FROM notice_route WHERE told_upto > 0")
            assert shops.stopped(daemon)[0] == 0
    assert box.subjects == ["chansync: 1 new problem (shop)"]
    assert world.rows(told, "SELECT count(*) FROM message WHERE code = 'notice_failed'") == [(0,)]


def use(store: Store, port: int) -> None:
    settings.change(
        store,
        {"smtp_host": "127.0.0.1", "smtp_port": str(port), "smtp_security": "none", "mail_from": "x@shop.example"},
    )


def test_a_mail_server_that_hangs_keeps_no_daemon_from_stopping(told: Store) -> None:
    with mailbox.silent_server() as port:
        use(told, port)
        daemon = shops.command("daemon", database=told.path)
        _until(told.path, "SELECT count(*) FROM notice_route WHERE sending_upto IS NOT NULL")
        code, _, err = shops.stopped(daemon)
    assert (code, "Traceback" in err) == (0, False)
