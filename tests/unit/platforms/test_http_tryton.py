"""Calls of Tryton over the connectors' HTTP: what is repeated, and which class of error each answer is."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from chansync.erp.remote import ErpError, ErpRefused, ErpRights, ErpUnavailable
from chansync.erp.tryton import failures
from chansync.erp.tryton.rpc import TrytonRpc
from support.patience import PATIENCE

PASSWORD = "a-secret-of-tryton"
READ, WRITE = "model.sale.sale.read", "model.sale.sale.quote"


def _rpc(url: str, read: float = PATIENCE) -> TrytonRpc:
    timeout = httpx.Timeout(PATIENCE, read=read)
    return TrytonRpc(url, "demo", "chansync", PASSWORD, backoff=lambda attempt: 0.0, timeout=timeout)


@pytest.fixture
async def rpc(site: Any) -> AsyncIterator[TrytonRpc]:
    async with _logged_in(site) as made:
        yield made


@contextlib.asynccontextmanager
async def _logged_in(site: Any, read: float = PATIENCE) -> AsyncIterator[TrytonRpc]:
    made = _rpc(site.url, read)
    made._session = "Session x"
    yield made
    await made.aclose()


def _said(result: Any) -> str:
    return json.dumps({"id": 1, "result": result})


#: What comes back → the class of the error, how often a read and a write are sent, and what the sentence says.
ANSWERS: dict[str, tuple[Any, type[ErpError], int, int, str]] = {
    "403": ({"status": 403}, ErpRefused, 1, 1, "chansync erp test"),
    "404": ({"status": 404}, ErpRefused, 1, 1, "no database demo"),
    "418": ({"status": 418}, ErpRefused, 1, 1, "no Tryton server"),
    "429": ({"status": 429}, ErpUnavailable, 1, 1, "too many requests"),
    "502": ({"status": 502}, ErpUnavailable, 4, 1, "502 Bad Gateway"),
    "503": ({"status": 503}, ErpUnavailable, 4, 1, "see the log of its server"),
    "504": ({"status": 504}, ErpUnavailable, 4, 1, "504 Gateway Timeout"),
    "another address": ({"status": 302, "Location": "https://other.example/"}, ErpRefused, 1, 1, "other.example"),
    "a web page": ({"body": "<html>Hello</html>"}, ErpRefused, 1, 1, "no Tryton server"),
    "a list": ({"body": "[]"}, ErpRefused, 1, 1, "no Tryton server"),
    "a number": ({"body": "5"}, ErpRefused, 1, 1, "no Tryton server"),
    "packed": ({"body": "x", "Content_Encoding": "br"}, ErpUnavailable, 1, 1, "plain"),
    "cut": ("cut", ErpUnavailable, 4, 1, "broke the connection off"),
    "silence": ("hang", ErpUnavailable, 2, 1, "did not answer within 0.3 seconds"),
}  # fmt: skip


@pytest.mark.parametrize("method", [READ, WRITE])
@pytest.mark.parametrize("name", ANSWERS)
async def test_only_reads_are_repeated_and_each_answer_is_its_error(
    site: Any, answer: Any, name: str, method: str
) -> None:
    came, kind, reads, writes, words = ANSWERS[name]
    site.answers = [came if isinstance(came, str) else answer(**came)]
    async with _logged_in(site, read=0.3 if came == "hang" else PATIENCE) as rpc:
        with pytest.raises(ErpError) as caught:
            await rpc.call(method, [1])
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert "Tryton at localhost" in str(caught.value)
    assert PASSWORD not in str(caught.value)
    assert rpc.calls == (reads if method == READ else writes)


async def test_trouble_that_passes_is_not_seen(rpc: TrytonRpc, site: Any, answer: Any) -> None:
    site.answers = [answer(status=503), "cut", answer(_said([{"id": 1, "state": "draft"}]))]
    assert await rpc.read("sale.sale", [1], ["state"]) == [{"id": 1, "state": "draft"}]


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        rpc = _rpc(f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(ErpUnavailable, match="refuses the connection"):
            await rpc.call(WRITE, [1])
    await rpc.aclose()


async def test_a_wrong_password_is_sent_once(site: Any, answer: Any) -> None:
    rpc = _rpc(site.url)
    site.answers = [answer(status=401)]
    for _ in range(3):
        with pytest.raises(ErpRights, match="chansync"):
            await rpc.call(READ, [1])
    assert rpc.calls == 1
    await rpc.aclose()


async def test_a_session_that_is_over_is_begun_again_once(rpc: TrytonRpc, site: Any, answer: Any) -> None:
    login, preferences = answer(_said([1, "token-of-the-session"])), answer(_said({"company": 7}))
    site.answers = [answer(status=401), login, preferences, answer(_said([]))]
    assert await rpc.call(READ, [1]) == []
    assert json.loads(site.bodies[-1])["params"][-1]["company"] == 7
    site.answers = [answer(status=401), login, preferences, answer(status=401)]
    with pytest.raises(ErpRefused, match="ends each session"):
        await rpc.call(READ, [1])


async def test_the_password_is_in_no_error_that_the_server_says(rpc: TrytonRpc, site: Any, answer: Any) -> None:
    site.answers = [answer(json.dumps({"error": ["UserError", [f"Wrong: {PASSWORD}", ""]]}))]
    with pytest.raises(failures.Refusal) as caught:
        await rpc.call(WRITE, [1])
    assert PASSWORD not in str(caught.value)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ErpRefused, match="address"):
        _rpc("https://user@tryton.example")
