"""The connectors' HTTP: each kind of trouble is one sentence of the right class, and passes when it passes."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from chansync.http.client import SiteHttp, before_change
from chansync.model.errors import SiteError, SiteRefused, SiteUnavailable
from support.patience import PATIENCE

SECRET = "cs_0123456789secret"
HTML = "<!DOCTYPE html><html><head><title>Under\n maintenance</title></head><body>Soon</body></html>"


class Waits(list[float]):
    """Notes the waits instead of waiting."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


def _made(waits: Waits, read: float = PATIENCE) -> SiteHttp:
    return SiteHttp(
        "shop.example",
        secrets=[SECRET],
        backoff=lambda attempt: 0.5 * 2 ** (attempt - 1),
        sleep=waits,
        timeout=httpx.Timeout(PATIENCE, read=read),
        largest=100_000,
    )


@pytest.fixture
async def http(waits: Waits) -> Any:
    made = _made(waits)
    yield made
    await made.aclose()
    await made.aclose()


async def get(http: SiteHttp, site: Any, **options: Any) -> Any:
    return await http.request("GET", httpx.URL(f"{site.url}/x?consumer_secret={SECRET}"), **options)


async def failure(http: SiteHttp, site: Any, **options: Any) -> SiteError:
    with pytest.raises(SiteError) as caught:
        await get(http, site, **options)
    error = caught.value
    chain = [error, error.__cause__, error.__context__]
    assert not any(SECRET in f"{link} {link!r}" for link in chain)
    assert str(error).endswith(".")
    assert str(error).count("\n") == 0
    assert "shop.example" in str(error)
    return error


PASSING = {
    "html": (HTML, {}, "html", "“Under maintenance”"),
    "html as text": ("<html><p>Hello</p>", {"kind": "text/html"}, "html", "web page"),
    "truncated": ('[{"id": 1}, {"id"', {}, "truncated", "middle of its answer"),
    "empty": ("", {}, "empty", "empty answer"),
    "no json": ("oops", {}, "not_json", "no JSON"),
    "bad utf-8": (b'[{"name": "\xff\xfe"}]', {}, "bad_encoding", "UTF-8"),
    "429": ("{}", {"status": 429}, "http_429", "too many requests"),
    "500": (HTML, {"status": 500, "kind": "text/html"}, "http_500", "“Under maintenance”"),
    "502": ("<html></html>", {"status": 502}, "http_502", "502 Bad Gateway"),
    "503": ("", {"status": 503}, "http_503", "503 Service Unavailable"),
    "504": ('{"message": "<b>slow</b> backend"}', {"status": 504}, "http_504", "“slow backend”"),
    "520": ("", {"status": 520}, "http_520", "(520)"),
}


@pytest.mark.parametrize("name", PASSING)
async def test_passing_trouble_is_a_sentence_and_passes(
    http: SiteHttp, site: Any, answer: Any, name: str, waits: Waits
) -> None:
    body, options, code, words = PASSING[name]
    site.answers = [answer(body, **options)]
    error = await failure(http, site)
    assert isinstance(error, SiteUnavailable)
    assert (error.code, len(site.heads), waits) == (code, 4, [0.5, 1.0, 2.0])
    assert words in str(error)
    site.answers = [answer(body, **options), answer("[1]")]
    assert (await get(http, site)).data == [1]
    assert http.traffic.requests == 6
    assert http.traffic.retries == 4


async def test_a_cut_connection_and_a_broken_off_answer(http: SiteHttp, site: Any, answer: Any) -> None:
    site.answers = ["cut"]
    assert (await failure(http, site)).code == "connection_lost"
    site.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\nConnection: close\r\n\r\n[1, 2"]
    assert (await failure(http, site)).code == "truncated"
    site.answers = [answer(b"no gzip", Content_Encoding="gzip")]
    assert (await failure(http, site)).code == "truncated"
    site.answers = ["cut", answer("[2]")]
    assert (await get(http, site)).data == [2]


async def test_silence_is_a_timeout(waits: Waits, site: Any) -> None:
    site.answers = ["hang"]
    http = _made(waits, read=0.3)
    error = await failure(http, site, attempts=2)
    assert isinstance(error, SiteUnavailable)
    assert error.code == "timeout"
    await http.aclose()


async def test_nobody_listens(http: SiteHttp) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(SiteUnavailable, match="refuses the connection") as caught:
            await http.request("GET", httpx.URL(f"http://127.0.0.1:{port}/?s={SECRET}"))
    assert caught.value.code == "connection_refused"
    assert http.traffic.retries == 3


async def test_an_unknown_host(http: SiteHttp, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    with pytest.raises(SiteUnavailable, match="not known to the name service") as caught:
        await http.request("GET", httpx.URL("https://shop.invalid/"))
    assert caught.value.code == "unknown_host"


async def test_retry_after_is_honoured_in_both_forms(http: SiteHttp, site: Any, answer: Any, waits: Waits) -> None:
    site.answers = [answer(status=503, Retry_After="7"), answer("[1]")]
    await get(http, site)
    assert max(waits) == pytest.approx(7)
    waits.clear()
    http._quiet_until = 0
    ends = datetime.now(UTC) + timedelta(seconds=50)
    site.answers = [answer(status=429, Retry_After=format_datetime(ends, usegmt=True)), answer("[1]")]
    await get(http, site)
    # The header has whole seconds.
    assert (ends - datetime.now(UTC)).total_seconds() - 1 <= max(waits) <= 50


@pytest.mark.parametrize("given", ["61", "3600"])
async def test_a_long_wait_ends_the_run(http: SiteHttp, site: Any, answer: Any, waits: Waits, given: str) -> None:
    site.answers = [answer(status=503, Retry_After=given)]
    error = await failure(http, site)
    assert isinstance(error, SiteUnavailable)
    assert error.retry_after == float(given)
    assert (len(site.heads), waits) == (1, [])


IN_TEN_YEARS = "Mon, 24 Nov 2036 12:00:00 GMT"
DAY = 86_400.0


@pytest.mark.parametrize(
    ("given", "date", "seconds"),
    [
        ("999999999999", "", DAY),
        (IN_TEN_YEARS, "", DAY),
        ("Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 09:50:00 GMT", 600.0),
        # A site that is ten years ahead, and knows it in both headers.
        (IN_TEN_YEARS, "Mon, 24 Nov 2036 11:50:00 GMT", 600.0),
    ],
)
async def test_a_site_is_granted_a_day_at_most_by_its_own_clock(
    http: SiteHttp, site: Any, answer: Any, given: str, date: str, seconds: float
) -> None:
    site.answers = [answer(status=503, Retry_After=given, Date=date or "none")]
    error = await failure(http, site)
    assert isinstance(error, SiteUnavailable)
    assert error.retry_after == seconds


@pytest.mark.parametrize(
    "header", ["soon", "-5", "Mon, 99 Foo 2026", "٣", "Thu, 01 Jan 1970 00:00:00 GMT", "Tue, 24 Nov 2020 10:00:00 GMT"]
)
async def test_a_nonsense_retry_after_is_ignored(
    http: SiteHttp, site: Any, answer: Any, waits: Waits, header: str
) -> None:
    site.answers = [
        b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nRetry-After: " + header.encode() + b"\r\n\r\n",
        answer("[1]"),
    ]
    assert (await get(http, site)).data == [1]
    assert waits == [0.5]


async def test_a_post_is_not_repeated_blindly(http: SiteHttp, site: Any, answer: Any) -> None:
    url = httpx.URL(f"{site.url}/x")
    site.answers = ["cut"]
    with pytest.raises(SiteUnavailable):
        await http.request("POST", url, body={"a": 1})
    assert len(site.heads) == 1
    site.answers = ["cut", answer("[1]")]
    assert (await http.request("PUT", url, body={"a": 1}, repeatable=True)).data == [1]
    site.answers = [answer(status=429), answer("[1]")]
    assert (await http.request("POST", url, body={"a": 1})).data == [1]
    assert site.bodies[-1] == b'{"a": 1}'


async def test_errors_of_the_client_are_returned(http: SiteHttp, site: Any, answer: Any) -> None:
    site.answers = [answer('{"code": "no", "message": "No <b>way</b>\\u0007"}', 404)]
    found = await get(http, site)
    assert (found.status, found.code, found.is_json, len(site.heads)) == (404, "no", True, 1)
    assert http.sentences.said(found) == " (“No way”)"
    site.answers = [answer(HTML, 403)]
    found = await get(http, site)
    assert not found.is_json
    assert http.sentences.refusal(found).code == "forbidden"
    assert "“Under maintenance”" in str(http.sentences.refusal(found))


async def test_what_the_site_says_is_cut_and_masked(http: SiteHttp, site: Any, answer: Any) -> None:
    site.answers = [answer(f'{{"message": "key {SECRET} {"x" * 5000}"}}', 500)]
    error = await failure(http, site)
    assert "key •••" in str(error)
    assert len(str(error)) < 400


async def test_notices_before_the_json_are_stripped_and_noted(http: SiteHttp, site: Any, answer: Any) -> None:
    site.answers = [answer("\ufeff<br />\n<b>Notice</b>: Undefined index: a[0] in {x} <br />\n[1, 2.50]")]
    found = await get(http, site)
    assert [str(value) for value in found.data] == ["1", "2.50"]
    assert "PHP notices" in found.note


async def test_a_huge_answer_is_refused(http: SiteHttp, site: Any, answer: Any) -> None:
    site.answers = [answer("[" + "1," * 200_000 + "1]")]
    error = await failure(http, site)
    assert (error.code, isinstance(error, SiteRefused), len(site.heads)) == ("too_large", True, 1)


async def test_deep_nesting_is_refused_at_once(http: SiteHttp, site: Any, answer: Any) -> None:
    site.answers = [answer("[" * 30_000 + "]" * 30_000)]
    assert (await failure(http, site)).code == "too_deep"


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://other.example/x", "https://other.example"),
        ("http://localhost.evil.example/x", "localhost.evil.example"),
        ("/login", "another page of itself"),
        ("https://localhost:1/login", "https://localhost:1"),
        ("http://shop:port/", "an address that is none"),
        ("", "another page of itself"),
    ],
)
async def test_redirects_are_refused(http: SiteHttp, site: Any, answer: Any, location: str, words: str) -> None:
    site.answers = [answer("", 301, Location=location)]
    error = await failure(http, site, sign=lambda method, url: (url, {"Authorization": "Basic abc"}))
    assert (error.code, isinstance(error, SiteRefused), len(site.heads)) == ("redirect", True, 1)
    assert words in str(error)


async def test_cancelling_leaves_nothing_behind(http: SiteHttp, site: Any, answer: Any) -> None:
    site.answers = ["hang", answer("[1]")]
    task = asyncio.create_task(get(http, site))
    await site.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert http._slots._value == 4
    assert (await get(http, site)).data == [1]


async def test_no_secret_in_any_log(http: SiteHttp, site: Any, answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    site.answers = [answer("{}", 500)]
    await failure(http, site)
    assert SECRET not in caplog.text
    assert SECRET not in repr(http) + repr(vars(http)["sentences"])


async def test_the_date_header_is_the_sites_clock(http: SiteHttp, site: Any, answer: Any) -> None:
    site.answers = [answer("[]", Date="Tue, 24 Nov 2026 08:56:45 GMT"), answer("[]", Date="nonsense"), answer("[]")]
    assert (await get(http, site)).site_time == 1795510605000
    assert (await get(http, site)).site_time is None
    assert (await get(http, site)).site_time is None


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize("end", [" GMT", " -0000", " +0000", ""])
async def test_a_date_without_a_zone_is_not_taken_for_ours(
    http: SiteHttp, site: Any, answer: Any, monkeypatch: pytest.MonkeyPatch, zone: str, end: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    site.answers = [answer("[]", Date=f"Tue, 24 Nov 2026 08:56:45{end}")]
    told = (await get(http, site)).site_time
    monkeypatch.undo()
    time.tzset()
    assert told == 1795510605000


@pytest.mark.parametrize(
    "date",
    ["Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
     "Tue, 31 Feb 2026 08:56:45 GMT", "Tue, 24 Nov 2026 08:56:61 GMT", "0", "Tue, 24 Nov 2026 08:56:45 +9999"],
)  # fmt: skip
async def test_a_date_that_no_clock_shows_is_none(http: SiteHttp, site: Any, answer: Any, date: str) -> None:
    site.answers = [answer("[]", Date=date)]
    assert (await get(http, site)).site_time is None


async def test_what_may_not_change_anything_any_more_only_asks(http: SiteHttp, site: Any, answer: Any) -> None:
    class Woken(Exception):
        pass

    def no_more() -> None:
        raise Woken

    site.answers = [answer("[]")]
    before_change.set(no_more)
    assert (await get(http, site)).data == []
    with pytest.raises(Woken):
        await http.request("PUT", httpx.URL(f"{site.url}/x"), body={})
    assert len(site.heads) == 1
