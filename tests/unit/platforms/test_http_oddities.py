"""Answers that break HTTP, or bend it: what can be read is read, and all else is one sentence."""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from chansync.http.client import SiteHttp
from chansync.model.errors import SiteError
from support.patience import PATIENCE

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CLOSE = b"Connection: close\r\n"


@contextlib.asynccontextmanager
async def _http(read: float) -> AsyncIterator[SiteHttp]:
    timeout = httpx.Timeout(PATIENCE, read=read)
    made = SiteHttp("shop.example", backoff=lambda attempt: 0.0, timeout=timeout, largest=100_000)
    yield made
    await made.aclose()


@pytest.fixture
async def http() -> AsyncIterator[SiteHttp]:
    async with _http(PATIENCE) as made:
        yield made


@pytest.fixture
async def hasty() -> AsyncIterator[SiteHttp]:
    """For answers of which some never end; what is not waited for is one sentence too."""
    async with _http(0.5) as made:
        yield made


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + OK + b"Content-Length: 4\r\n\r\n[17]",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + b"Content-Length: 4\r\n\r\n[17]",
        b"HTTP/1.0 200 OK\r\n" + CLOSE + b"\r\n[17]",
        OK + CLOSE + b"\r\n[17]",
        OK + b"Transfer-Encoding: chunked\r\n\r\n2;ext=1\r\n[1\r\n2\r\n7]\r\n0\r\nTrailer: x\r\n\r\n",
        OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\n[17]",
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 4\r\n\r\n[17]",
        b"HTTP/1.1 226 IM Used\r\nContent-Length: 4\r\n\r\n[17]",
        b"HTTP/1.1 200 \r\nContent-Type: image/png\r\nContent-Length: 7\r\n\r\n\xef\xbb\xbf[17]",
        OK + b"Content-Encoding: gzip\r\n" + CLOSE + b"\r\n" + gzip.compress(b"[17]", mtime=0),
    ],
    ids=["continue", "hints", "1.0", "no length", "chunks", "length twice", "206", "226", "bom", "gzip"],
)
async def test_what_can_be_read_is_read(site: Any, http: SiteHttp, raw: bytes) -> None:
    site.answers = [raw, "cut"]
    answer = await http.request("GET", httpx.URL(f"{site.url}/x"), attempts=1)
    assert answer.data == [17]


@pytest.mark.parametrize(
    "raw",
    [
        b"garbage\r\n\r\n",
        b"<html>captive portal</html>",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\n{}",
        OK + b"X: " + b"a" * 300_000 + b"\r\nContent-Length: 4\r\n\r\n[17]",
        OK + b"".join(b"X-%d: a\r\n" % number for number in range(20_000)) + b"Content-Length: 4\r\n\r\n[17]",
        OK + b"no colon\r\nContent-Length: 4\r\n\r\n[17]",
        OK + b"X: a\x00b\r\nContent-Length: 4\r\n\r\n[17]",
        OK + b"Content-Length: -1\r\n\r\n[17]",
        OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n[17]",
        OK + b"Content-Length: 99999999999999999999\r\n" + CLOSE + b"\r\n[17]",
        OK + b"Content-Length: 3\r\n" + CLOSE + b"\r\n[17]",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n[17]\r\n0\r\n\r\n",
        OK + b"Transfer-Encoding: chunked\r\n" + CLOSE + b"\r\nffffffff\r\n[17]",
        OK + b"Transfer-Encoding: gzip\r\n" + CLOSE + b"\r\n[17]",
        OK + b"Content-Encoding: gzip\r\n" + CLOSE + b"\r\n" + gzip.compress(b"[17]", mtime=0)[:-11],
        OK + b"Content-Encoding: gzip\r\n" + CLOSE + b"\r\n\x1f\x8bnonsense",
        OK + b"Content-Encoding: gzip\r\n" + CLOSE + b"\r\n" + gzip.compress(b" " * 5_000_000, mtime=0),
        OK + b"Content-Encoding: deflate\r\n" + CLOSE + b"\r\n" + zlib.compress(b"[17]"),
        OK + b"Content-Encoding: br, gzip, br\r\n" + CLOSE + b"\r\nabc",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: \xff://\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 301 Moved\r\nLocation: ftp://shop.example/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 429 Slow\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 520 \r\nContent-Length: 4\r\n\r\n[17]",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\n[17]",
    ],
    ids=lambda raw: raw.removeprefix(OK).removeprefix(b"HTTP/1.1 ")[:40].decode("latin-1"),
)  # fmt: skip
async def test_what_cannot_is_one_sentence(site: Any, hasty: SiteHttp, raw: bytes) -> None:
    site.answers = [raw]
    try:
        answer = await hasty.request("GET", httpx.URL(f"{site.url}/x"), attempts=2)
    except SiteError as error:
        sentence = str(error)
        assert sentence.startswith("shop.example"), sentence
        assert sentence.endswith(".")
        assert sentence.isprintable()
    else:
        # Whoever asked is told that it was refused, and says what that means to him.
        assert answer.status >= 300
