"""Connections between the runs of a channel: used again, and closed where they are not."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from chansync.http import kept_clients
from chansync.http.client import SiteHttp
from chansync.http.kept_clients import keeping


@pytest.fixture
async def counted(site: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The site, with the connections that it got counted."""
    site.opened = 0
    serve = site.serve

    async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        site.opened += 1
        await serve(reader, writer)

    server = await asyncio.start_server(counting, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    yield site
    server.close()


async def run(site: Any, key: str = "cs_1", **options: Any) -> Any:
    """One run: a connector's HTTP that is made, used and closed."""
    http = SiteHttp("shop.example", secrets=(key,), backoff=lambda _: 0.0)
    try:
        return (await http.request("GET", httpx.URL(f"{site.url}/x"), **options)).data
    finally:
        await http.aclose()


async def test_a_connection_is_used_again_by_the_next_run(counted: Any, answer: Any) -> None:
    counted.answers = [answer("[1]", Set_Cookie="visit=1; Path=/")]
    for _ in range(3):
        await run(counted)
    assert counted.opened == 3, "where nobody keeps them"
    async with keeping() as kept:
        for _ in range(20):
            assert await run(counted) == [1]
        assert (counted.opened, len(kept)) == (4, 1)
    assert not any("cookie" in head.lower() for head in counted.heads)
    await run(counted)
    assert counted.opened == 5


async def test_other_keys_have_a_client_of_their_own_and_the_old_one_is_closed(
    counted: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted.answers = [answer("[1]")]
    async with keeping() as kept:
        await run(counted)
        await run(counted, key="cs_2")
        assert (counted.opened, len(kept)) == (2, 2)
        await kept.close_unused()
        assert len(kept) == 2
        monkeypatch.setattr(kept_clients, "UNUSED", 0.0)
        await kept.close_unused()
        assert len(kept) == 0


async def test_no_more_are_kept_than_there_is_room_for(
    counted: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_clients, "MOST", 5)
    counted.answers = [answer("[1]")]
    async with keeping() as kept:
        for number in range(20):
            await run(counted, key=f"cs_{number}")
        assert len(kept) == 5


async def test_runs_of_one_channel_at_once_do_not_share_a_client(counted: Any, answer: Any) -> None:
    counted.answers = [answer("[1]")]
    async with keeping() as kept:
        await asyncio.gather(*(run(counted) for _ in range(3)))
        assert len(kept) == 1


@pytest.mark.parametrize("ended", ["Connection: close", ""])
async def test_a_connection_that_the_server_has_closed_is_no_failure(counted: Any, answer: Any, ended: str) -> None:
    """Also where it closes without a word, as servers do with what was idle for long."""
    hung_up = answer("[1]", Connection="close") if ended else answer("[1]")
    async with keeping():
        for _ in range(5):
            counted.answers = [hung_up] if ended else [hung_up, "cut"]
            assert await run(counted) == [1]
            counted.answers = ["cut", answer("[1]")] if not ended else [hung_up]


async def test_what_may_not_be_repeated_is_not_repeated_on_a_stale_connection(counted: Any, answer: Any) -> None:
    from chansync.model.errors import SiteUnavailable

    counted.answers = [answer("[1]")]
    async with keeping():
        await run(counted)
        http = SiteHttp("shop.example", secrets=("cs_1",), backoff=lambda _: 0.0)
        counted.answers = ["cut"]
        asked = len(counted.heads)
        with pytest.raises(SiteUnavailable):
            await http.request("POST", httpx.URL(f"{counted.url}/x"), body={})
        assert len(counted.heads) == asked + 1
        await http.aclose()
