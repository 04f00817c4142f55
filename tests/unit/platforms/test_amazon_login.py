"""Amazon's own time, for what must not depend on a clock of ours that is years off."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from chansync.model.times import now_ms
from chansync.platforms.amazon.connector import AmazonConnector
from chansync.platforms.amazon.login import Login
from chansync.platforms.protocol import ConnectorSettings
from chansync.platforms.system import SystemSettings

YEARS = 12 * 365


def keys(site: Any) -> dict[str, str]:
    # A token is kept for its keys: other keys for each test.
    return {
        "region": f"http://127.0.0.1:{site.port}", "client_id": uuid.uuid4().hex, "client_secret": "secret",
        "refresh_token": "refresh",
    }  # fmt: skip


def token(answer: Any, days: int) -> bytes:
    date = format_datetime(datetime.now(UTC) + timedelta(days=days), usegmt=True)
    made: bytes = answer('{"access_token": "t", "expires_in": 3600}', Date=date)
    return made


@pytest.mark.parametrize(("days", "taken"), [(0, False), (-YEARS, True), (2, True)])
async def test_amazons_clock_is_taken_where_ours_is_far_off(site: Any, answer: Any, days: int, taken: bool) -> None:
    site.answers = [token(answer, days)]
    login = Login("amz", keys(site))
    expected = now_ms() + (days * 86_400_000 if taken else 0)
    assert await login.clock() == pytest.approx(expected, abs=60_000)
    # Another channel of the system asks no more.
    assert await Login("amz", login_values(login)).clock() == pytest.approx(expected, abs=60_000)
    assert len(site.heads) == 1
    await login.aclose()


def login_values(login: Login) -> dict[str, str]:
    return {"region": login.region, **login._keys}


async def test_a_first_pull_begins_two_years_back_by_amazons_clock(site: Any, answer: Any) -> None:
    """With ours years ahead, all orders of today would lie before it, and be left out for ever."""
    site.answers = [token(answer, -YEARS)]
    system = SystemSettings("amz", keys(site), object())  # type: ignore[arg-type]
    connector = AmazonConnector(ConnectorSettings("de", {"store_domain": "A1PA6795UKMFR9"}, {}, system))
    begins = await connector._beginning(None)
    assert begins == pytest.approx(now_ms() - (YEARS + 730) * 86_400_000, abs=60_000)
    await connector.aclose()
