"""An ERP over HTTP that is slow, gone, lying or nonsense: what was asked is done once, and people hear what to do."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import reprlib
import socket
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chansync.erp.contract import Seen, Subject
from chansync.erp.http import HttpErp, openapi
from chansync.erp.http.example.books import Sale, apply
from chansync.erp.http.wire_format import HEADER, signature
from chansync.erp.remote import (
    ErpError,
    ErpRefused,
    ErpRights,
    ErpSettings,
    ErpUnavailable,
    Remote,
    SaleAnswer,
    SaleSteps,
)
from chansync.model import steps, wire
from chansync.model.errors import UsageError
from chansync.model.sale import SaleDraft, SaleState, SaleView
from chansync.model.wire import STEPS
from support.own_erp import HASTE, TOKEN, OwnErp
from support.patience import PATIENCE


async def failure(erp: Remote) -> ErpError:
    with pytest.raises(ErpError) as caught:
        await erp.check()
    return told(caught.value)


def told(error: ErpError) -> ErpError:
    """It is one sentence for people, without the token, and names the server."""
    chain = [error, error.__cause__, error.__context__]
    assert not any(TOKEN in f"{link} {link!r}" for link in chain)
    assert str(error).endswith((".", "”)."))
    assert "\n" not in str(error)
    assert "127.0.0.1:" in str(error)
    return error


def never_comes(fault: dict[str, Any]) -> bool:
    """Whether the answer is not late alone, but kept back for ever."""
    return fault["kind"] == "hang" or "late" in fault


# Answers that are no answer

PASSING = ("drop", "truncated", "garbage", "empty", "html", "status")
ANSWERS: list[tuple[dict[str, Any], type[ErpError], str]] = [
    ({"kind": "html"}, ErpUnavailable, "cannot answer at the moment (503"),
    ({"kind": "html", "status": 200}, ErpUnavailable, "answered with a web page"),
    ({"kind": "empty"}, ErpUnavailable, "gave an empty answer"),
    ({"kind": "truncated"}, ErpUnavailable, "stopped in the middle of its answer"),
    ({"kind": "drop"}, ErpUnavailable, "stopped in the middle of its answer"),
    ({"kind": "garbage"}, ErpUnavailable, "not UTF-8"),
    ({"kind": "hang"}, ErpUnavailable, "slow or overloaded"),
    ({"kind": "status", "status": 429}, ErpUnavailable, "too many requests"),
    ({"kind": "status", "status": 503, "retry_after": 7}, ErpUnavailable, "see the log of its server"),
    ({"kind": "status", "status": 401}, ErpRights, "does not accept the token: enter the right one"),
    ({"kind": "status", "status": 403}, ErpRights, "forbids GET /check"),
    ({"kind": "status", "status": 404}, ErpRefused, "has no GET /check: check the address"),
    ({"kind": "status", "status": 405}, ErpRefused, "has no GET /check"),
    ({"kind": "redirect", "to": "http://127.0.0.2/check"}, ErpRefused, "keys are not sent after them"),
    (
        {"kind": "empty", "status": 422, "body": b'{"sentence": "The fiscal year 2026 is closed."}'},
        ErpRefused,
        "refuses GET /check with 422 (“The fiscal year 2026 is closed.”)",
    ),
    (
        {"kind": "empty", "status": 503, "body": b'{"sentence": "Night batch until 4."}'},
        ErpUnavailable,
        "(“Night batch until 4.”)",
    ),
    ({"kind": "empty", "body": b"[]"}, ErpRefused, "answered GET /check with what the protocol does not have"),
    ({"kind": "empty", "body": b'{"title": 1}'}, ErpRefused, "Expected `str`, got `int` - at `$.title`"),
    ({"kind": "empty", "body": b"{}"}, ErpRefused, "missing required field `title`"),
    ({"kind": "empty", "body": b" " * 13_000_000}, ErpRefused, "must answer in pages"),
    ({"kind": "empty", "body": b"[" * 100_000}, ErpUnavailable, "nested too deeply"),
    ({"kind": "empty", "body": b"[" + b"1," * 500_000 + b"1]"}, ErpUnavailable, "too many parts"),
]


@pytest.mark.parametrize(("fault", "kind", "words"), ANSWERS, ids=reprlib.repr)
async def test_what_is_no_answer(fault: dict[str, Any], kind: type[ErpError], words: str, server: OwnErp) -> None:
    server.faults.add("/check", **({"times": None} | fault))
    error = await failure(server.connect(hasty=never_comes(fault)))
    assert type(error) is kind
    assert words in str(error)


@pytest.mark.parametrize("kind", PASSING)
async def test_a_question_is_asked_again(kind: str, server: OwnErp, erp: Subject) -> None:
    server.requests.clear()
    server.faults.add("/check", kind, times=2)
    assert (await erp.remote.check()).title == "Example company"
    assert len(server.requests) == 3


async def test_a_wrong_token(server: OwnErp) -> None:
    error = await failure(server.connect("another-token-of-the-tests"))
    assert type(error) is ErpRights
    assert "(“The token is not the one of this ERP.”)" in str(error)


async def test_a_signed_request_does_not_carry_the_token(server: OwnErp) -> None:
    await server.connect(sign=True).check()
    [sent] = server.headers
    assert HEADER.lower() in sent
    assert "authorization" not in sent
    assert TOKEN not in str(sent)
    error = await failure(server.connect("another-token-of-the-tests", sign=True))
    assert type(error) is ErpRights
    assert "the clocks of both are right" in str(error)


def test_the_signature_is_the_one_of_the_description() -> None:
    """Others have built it: it does not change."""
    code = hmac.new(b"secret", b"1790000000\nGET\n/changes?cursor=7\n", "sha256").hexdigest()
    assert signature("secret", 1790000000, "GET", "/changes?cursor=7", b"") == f"1790000000,{code}"
    assert code in openapi.FILE.read_text(encoding="utf-8")


async def test_a_server_that_is_gone(tmp_path: Path) -> None:
    with OwnErp(tmp_path / "own.db") as server:
        remote = server.connect()
        await remote.check()
    error = await failure(remote)
    assert type(error) is ErpUnavailable
    assert "refuses the connection" in str(error)


@pytest.mark.parametrize(("address", "words"), [("", "has no valid host"), ("ftp://x", "must begin with https://")])
def test_an_address_that_is_none(address: str, words: str) -> None:
    with pytest.raises(ErpRefused, match=words):
        HttpErp().connect(ErpSettings("own", {"address": address, "token": TOKEN}))


@pytest.mark.parametrize("token", ["", "two words", "no\nheader", "nicht-üblich"])
def test_a_token_that_cannot_be_sent(token: str) -> None:
    with pytest.raises(ErpRefused, match="enter it again"):
        HttpErp().connect(ErpSettings("own", {"address": "https://erp.example", "token": token}))


@pytest.mark.parametrize("address", ["http://erp.example", "http://10.0.0.7:8080", "http://127.0.0.1.example"])
def test_a_token_goes_by_https_to_other_machines(address: str) -> None:
    (parameter, *_) = HttpErp.parameters
    with pytest.raises(UsageError, match="must begin with https://"):
        parameter.type.parse(address)


@pytest.mark.parametrize(
    "address", ["https://erp.example/x", "erp.example", "http://127.0.0.1:80", "http://[::1]:8095"]
)
def test_addresses_that_are_taken(address: str) -> None:
    (parameter, *_) = HttpErp.parameters
    assert parameter.type.parse(address) == address


# Steps whose answer is lost, or late, or which come twice

LOST: list[dict[str, Any]] = [
    {"kind": "drop"},
    {"kind": "truncated"},
    {"kind": "garbage"},
    {"kind": "empty", "apply": True},
    {"kind": "html", "apply": True},
    {"kind": "status", "status": 500, "apply": True},
    {"kind": "hang", "apply": True},
    {"kind": "empty", "apply": False},
    {"kind": "status", "status": 500, "apply": False},
    {"kind": "hang", "apply": False},
    {"kind": "drop", "doubled": 2},
    {"kind": "slow", "late": HASTE * 2},
]


def paid(sale: SaleDraft) -> SaleSteps:
    """All that happens to a sale that is paid and sent."""
    todo = (steps.Record(sale), steps.Block(), steps.IssueDocument(), steps.Pay(sale.total), steps.WriteOut("DHL", "1"))
    return SaleSteps(sale.key, sale.pos, todo)


@pytest.mark.parametrize("fault", LOST, ids=str)
async def test_steps_whose_answer_is_lost_are_done_once(fault: dict[str, Any], server: OwnErp, erp: Subject) -> None:
    """As the core does it: it looks after a while, and sends again what it does not find done."""
    sales = [erp.draft(buyer="one"), erp.draft(buyer="one")]
    free = await erp.free(erp.items[0])
    server.requests.clear()
    server.faults.add("/steps", **fault)
    remote = server.connect(hasty=never_comes(fault))
    with pytest.raises(ErpUnavailable) as caught:
        await remote.apply(list(map(paid, sales)))
    await remote.aclose()
    told(caught.value)
    # It is not sent again by itself: only the core knows when that is safe.
    assert server.requests == [("POST", "/steps")]
    await asyncio.to_thread(server.arrived)
    await erp.remote.views([sale.key for sale in sales])
    for _ in range(2):
        answers = await erp.remote.apply(list(map(paid, sales)))
        assert [result.code for answer in answers for result in answer.results] == [""] * 10
    for sale in sales:
        assert await server.look(sale.key) == Seen(sale.total, sale.total)
    assert await erp.free(erp.items[0]) == free - 4
    assert server.sql("SELECT count(DISTINCT id) FROM customer")[0] == (1,)
    assert server.sql(DOCUMENTS) == [(1,), (1,)]


async def test_a_request_that_arrives_late_beside_its_repeat(server: OwnErp, erp: Subject) -> None:
    """The same steps at the same time, as a proxy may send them: each thing is there once."""
    sale = erp.draft()
    found = await asyncio.gather(*(erp.remote.apply([paid(sale)]) for _ in range(4)))
    assert sum(answer.results[0].changed for (answer,) in found) == 1
    assert await server.look(sale.key) == Seen(sale.total, sale.total)
    assert server.sql(DOCUMENTS) == [(1,)]


#: How many documents each sale has.
DOCUMENTS = "SELECT json_array_length(document, '$.documents') FROM sale"

GONE: list[tuple[dict[str, Any], type[ErpError]]] = [
    ({"kind": "status", "status": 429}, ErpUnavailable),
    ({"kind": "status", "status": 404}, ErpRefused),
    ({"kind": "status", "status": 405}, ErpRefused),
    ({"kind": "redirect", "to": "http://127.0.0.2/steps"}, ErpRefused),
]


async def steps_fail(remote: Remote) -> ErpError:
    sale = SaleSteps("chansync:shop:1", "WEB", (steps.Cancel(),))
    with pytest.raises(ErpError) as caught:
        await remote.apply([sale])
    await remote.aclose()
    return caught.value


@pytest.mark.parametrize(("fault", "kind"), GONE, ids=str)
async def test_what_is_turned_away_has_not_arrived(fault: dict[str, Any], kind: type[ErpError], server: OwnErp) -> None:
    server.faults.add("/steps", times=None, **fault)
    error = await steps_fail(server.connect())
    assert (type(error), error.undelivered) == (kind, True)


@pytest.mark.parametrize("fault", [*LOST, {"kind": "status", "status": 503, "retry_after": 7}], ids=str)
async def test_what_brought_no_answer_may_have_arrived(fault: dict[str, Any], server: OwnErp) -> None:
    server.faults.add("/steps", times=None, **fault)
    error = await steps_fail(server.connect(hasty=never_comes(fault)))
    assert (type(error), error.undelivered) == (ErpUnavailable, False)


async def test_what_is_refused_for_what_it_asks_is_not_taken_for_undelivered(server: OwnErp) -> None:
    server.faults.add("/steps", "empty", status=422, body=b'{"sentence": "The fiscal year 2026 is closed."}')
    error = await steps_fail(server.connect())
    assert (type(error), error.undelivered) == (ErpRefused, False)


def _to(address: str) -> Remote:
    kind = HttpErp(backoff=lambda attempt: 0.0, timeout=httpx.Timeout(PATIENCE, connect=PATIENCE, pool=None))
    return kind.connect(ErpSettings("own", {"address": address, "token": TOKEN}))


async def test_without_a_connection_nothing_has_arrived(server: OwnErp, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        refused = await steps_fail(_to(f"http://127.0.0.1:{unused.getsockname()[1]}"))
    assert (type(refused), refused.undelivered) == (ErpUnavailable, True)
    assert "refuses the connection" in str(refused)

    plain = await steps_fail(_to(server.url.replace("http:", "https:")))
    assert (type(plain), plain.undelivered) == (ErpRefused, True)
    assert "has no secure connection to offer" in str(plain)

    async def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    nowhere = await steps_fail(_to("https://erp.invalid"))
    assert (type(nowhere), nowhere.undelivered) == (ErpUnavailable, True)


async def test_a_certificate_that_nobody_knows(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    with OwnErp(tmp_path / "own.db", tls=(tmp_path / "cert.pem", tmp_path / "key.pem")) as server:
        error = await steps_fail(server.connect())
    assert (type(error), error.undelivered) == (ErpRefused, True)
    assert "The certificate of 127.0.0.1" in str(error)
    assert server.requests == []


async def test_a_busy_server_is_asked_again_because_nothing_was_done(server: OwnErp, erp: Subject) -> None:
    server.faults.add("/steps", "status", status=429, times=2)
    sale = erp.draft()
    assert (await erp.do(sale, steps.Record(sale))).view is not None


async def test_steps_do_not_wait_long_in_the_call(server: OwnErp, erp: Subject) -> None:
    """What is sent late could still be under way when the core believes that it has settled."""
    server.requests.clear()
    server.faults.add("/steps", "status", status=429, retry_after=30, times=2)
    sale = erp.draft()
    with pytest.raises(ErpUnavailable) as caught:
        await erp.do(sale, steps.Record(sale))
    assert caught.value.retry_after == 30
    assert server.requests == [("POST", "/steps")]


# Answers that are wrong


def answers_of(*answers: Any) -> bytes:
    return json.dumps({"answers": list(answers)}).encode()


async def test_what_is_wrong_with_one_sale_is_told_of_that_one(server: OwnErp, erp: Subject) -> None:
    sales = [erp.draft() for _ in range(3)]
    todo = [SaleSteps(sale.key, sale.pos, (steps.Record(sale),)) for sale in sales]
    right = [_plain(answer) for answer in await erp.remote.apply(todo)]

    async def with_third(changed: Any) -> list[SaleAnswer]:
        body = answers_of(*(right[:2] if changed is None else [*right[:2], changed]))
        server.faults.add("/steps", "empty", body=body)
        return await erp.remote.apply(todo)

    def changed(**fields: Any) -> dict[str, Any]:
        return right[2] | fields

    view = right[2]["view"]
    for wrong, words in (
        (None, "is left out"),
        ("nonsense", "is left out"),
        (changed(key="another"), "is left out"),
        (changed(results=[]), "results of other steps"),
        (changed(results=right[0]["results"]), "results of other steps"),
        (changed(results=right[2]["results"] * 2), "results of other steps"),
        (changed(view=None), "no view"),
        (changed(view=right[0]["view"]), "has the view of"),
        (changed(view=view | {"state": {}}), "missing required field"),
        (changed(view=view | {"recorded_at": 10**30}), "too large a number"),
        (changed(view=view | {"recorded_at": 1.5}), "This is no SaleResult"),
        (changed(view=view | {"lines": [view["lines"][0] | {"quantity": "NaN"}]}), "NaN is no quantity"),
        (changed(view=view | {"lines": [view["lines"][0] | {"quantity": "1E+99"}]}), "1E+99 is no quantity"),
        (changed(view=view | {"lines": [view["lines"][0] | {"rate": "Infinity"}]}), "Infinity is no rate"),
        (changed(results=[{"key": right[2]["results"][0]["key"], "changed": "yes"}]), "This is no SaleResult"),
    ):
        first, second, third = await with_third(wrong)
        assert (first.error, second.error) == (None, None)
        assert type(third.error) is ErpUnavailable, wrong
        assert words in str(told(third.error))
        assert (third.key, third.results, third.view) == (sales[2].key, (), None)


def _plain(answer: SaleAnswer) -> dict[str, Any]:
    return {"key": answer.key, "results": wire.to_plain(answer.results), "view": wire.to_plain(answer.view)}


@pytest.mark.parametrize(
    ("code", "kind"),
    [("erp_unavailable", ErpUnavailable), ("erp_refused", ErpRefused), ("erp_rights", ErpRights)],
)
async def test_a_sale_that_could_not_be_finished(code: str, kind: type[ErpError], server: OwnErp, erp: Subject) -> None:
    sale = erp.draft()
    error = {"code": code, "sentence": "The <b>printer</b> is\nout of paper"}
    result = {"key": f"{sale.key}#record", "sentence": f"The token {TOKEN}", "warnings": [TOKEN], "waiting": True}
    server.faults.add("/steps", "empty", body=answers_of({"key": sale.key, "results": [result], "error": error}))
    answer = await erp.do(sale, steps.Record(sale))
    assert type(answer.error) is kind
    [known] = answer.results
    assert (known.sentence, known.warnings, known.waiting) == ("The token •••", ("•••",), False)
    assert f"could not finish {sale.key}: The printer is out of paper" in str(answer.error)


@pytest.mark.parametrize("path", ["/reference", "/changes"])
async def test_pages_that_never_end(path: str, server: OwnErp, erp: Subject) -> None:
    body = {"rows": [], "views": [], "items": [], "cursor": "7", "last": False}
    server.faults.add(path, "empty", times=None, body=json.dumps(body).encode())
    pages = erp.remote.changes({"cursor": "7"}) if path == "/changes" else erp.remote.reference({})
    with pytest.raises(ErpRefused, match="the cursor stays the same"):
        assert len([page async for page in pages]) < 2


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"answers": {}}', b"3", b'"answers"', b"null"])
async def test_steps_answered_with_another_body(body: bytes, server: OwnErp, erp: Subject) -> None:
    sale = erp.draft()
    server.faults.add("/steps", "empty", body=body)
    with pytest.raises(ErpUnavailable, match="`answers` is missing"):
        await erp.do(sale, steps.Record(sale))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


async def test_no_answer_is_a_bug_of_ours(server: OwnErp, erp: Subject) -> None:
    """A right answer with any part of it replaced by anything is taken, or is an error of the ERP's."""
    sale = erp.draft()
    rows = [row async for page in erp.remote.reference({}) for row in page.rows]
    right = {
        "/steps": {"answers": [_plain(await erp.do(sale, steps.Record(sale)))]},
        "/changes": {"views": [Sale(server.books, sale.key).view()], "items": ["SKU-001"], "cursor": "9", "last": True},
        "/reference": {"rows": wire.to_plain(rows[:3]), "cursor": "", "complete": ["pos"], "last": True},
        "/stock": {"stock": {"SKU-001": 4}},
    }

    async def ask(path: str) -> None:
        if path == "/steps":
            await erp.do(sale, steps.Record(sale))
        elif path == "/changes":
            await erp.changes({})
        elif path == "/stock":
            await erp.remote.stock(["W1"])
        else:
            [page async for page in erp.remote.reference({})]

    tried = 0

    @settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
    @given(st.data())
    def spoil(data: st.DataObject) -> None:
        nonlocal tried
        path = data.draw(st.sampled_from(sorted(right)))
        body = json.loads(json.dumps(right[path]))
        place = body
        while True:
            key = data.draw(
                st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1)
            )
            inner = place[key]
            if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
                break
            place = inner
        place[key] = data.draw(_JSON)
        server.faults.add(path, "empty", body=json.dumps(body).encode())
        asyncio.run_coroutine_threadsafe(_tolerate(ask(path)), loop).result()
        tried += 1

    loop = asyncio.get_running_loop()
    await asyncio.to_thread(spoil)
    assert tried >= 100


async def _tolerate(asking: Any) -> None:
    try:
        await asking
    except ErpError as error:
        told(error)


# The example's own


async def test_the_example_tells_all_that_a_view_has_and_knows_every_step(server: OwnErp, erp: Subject) -> None:
    """What is added to the protocol is to be copied from it, too."""
    sale = erp.draft()
    await erp.do(sale, steps.Record(sale))
    view = Sale(server.books, sale.key).view()
    assert view.keys() == {field.name for field in fields(SaleView)}
    assert view["state"].keys() == {field.name for field in fields(SaleState)}
    every = [{"step": word, "key": f"{sale.key}#{word}", "needs": []} for word in STEPS]
    for step in every:
        # Without its fields, a step that is known is refused for the want of them.
        with contextlib.suppress(KeyError):
            [result] = apply(server.books, sale.key, [step])["results"]
            assert "does not know" not in result.get("sentence", "")


async def test_books_that_were_put_back_tell_all_their_sales(server: OwnErp, erp: Subject) -> None:
    sale = erp.draft()
    await erp.do(sale, steps.Record(sale))
    pages = await erp.changes({"cursor": "1000000"})
    assert sale.key in {view.key for page in pages for view in page.views}
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert (await erp.changes(pages[-1].cursor))[-1].views == ()


async def test_a_failure_within_one_sale_undoes_that_one_and_keeps_no_other_back(server: OwnErp, erp: Subject) -> None:
    good, bad = erp.draft(), erp.draft()
    server.sql(
        "CREATE TRIGGER bad BEFORE INSERT ON sale WHEN new.document ->> '$.payments[0].amount' > 0 "
        "BEGIN SELECT raise(ABORT, 'no money today'); END"
    )
    first, second = await erp.remote.apply([paid(bad), SaleSteps(good.key, good.pos, (steps.Record(good),))])
    assert type(first.error) is ErpRefused
    assert "no money today" in str(told(first.error))
    assert (second.error, second.results[0].changed) == (None, True)
    assert set(await erp.remote.views([good.key, bad.key])) == {good.key}
    server.sql("DROP TRIGGER bad")
    (again,) = await erp.remote.apply([paid(bad)])
    assert [result.code for result in again.results] == [""] * 5
