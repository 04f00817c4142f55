"""What becomes of deliveries, and the law that one is never more than a hint."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chansync.model.errors import UsageError
from chansync.platforms.woocommerce import WooCommerceDeliveries
from chansync_daemon import listening
from chansync_daemon.hints import MOST_WAITING, Hints, Rate, Route

SECRET = "a-secret"
ROUTE = Route(7, "shop", (1, 1), SECRET, WooCommerceDeliveries())


def digest(body: bytes, secret: str = SECRET) -> bytes:
    return hmac.digest(secret.encode(), body, hashlib.sha256)


def hints() -> Hints:
    made = Hints("127.0.0.1:1", clock=lambda: 0.0)
    made.routes = {"shop": ROUTE}
    return made


def deliver(to: Hints, body: bytes, secret: str = SECRET) -> bool:
    return to.deliver(ROUTE, digest(body), digest(body, secret), body[:64], len(body))


REST = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=90), max_size=4)


@settings(max_examples=60)
@given(order_id=st.integers(0, 10**12), rest=REST, is_signed=st.booleans())
def test_of_a_delivery_nothing_is_used_but_the_id_of_an_order(
    order_id: int, rest: dict[str, object], is_signed: bool
) -> None:
    rest.pop("id", None)
    to = hints()

    taken = deliver(to, json.dumps({"id": order_id, **rest}).encode(), SECRET if is_signed else "another")

    assert taken is is_signed
    assert to.take(7) == ((str(order_id),) if is_signed else ())


@given(body=st.binary(max_size=200))
def test_whatever_bytes_are_signed_at_the_most_an_id_comes_of_them(body: bytes) -> None:
    to = hints()

    taken = deliver(to, body)

    waiting = to.take(7)
    assert taken is bool(waiting)
    assert all(own.isdecimal() for own in waiting)


def test_a_repetition_asks_for_nothing() -> None:
    to, body = hints(), b'{"id":5,"status":"processing","more":"' + b"x" * 80 + b'"}'

    assert [deliver(to, body), deliver(to, body)] == [True, True]

    assert to.take(7) == ("5",)
    assert deliver(to, body)
    assert to.take(7) == ()
    counts = to.counts("shop")
    assert (counts.accepted, counts.repeated, counts.refused) == (1, 2, 0)


def test_an_order_that_is_deleted_again_is_no_repetition() -> None:
    to, gone, back = hints(), b'{"id":5}', b'{"id":5,"status":"processing","more":"' + b"x" * 80 + b'"}'

    asked = [(deliver(to, body), to.take(7)) for body in (gone, gone, back, gone)]

    assert asked == [(True, ("5",)), (True, ()), (True, ("5",)), (True, ("5",))]


def test_what_waits_is_bounded_and_waits_its_time() -> None:
    now = [0.0]
    to = Hints("127.0.0.1:1", clock=lambda: now[0])
    to.add(7, map(str, range(MOST_WAITING + 9)))
    to.rest(7, 60)

    assert to.due() == []
    now[0] = 60.0
    assert to.due() == [7]
    assert len(to.take(7)) == MOST_WAITING
    assert to.due() == []


def test_the_rate_is_bounded() -> None:
    now = [0.0]
    rate = Rate(2, 3, clock=lambda: now[0])

    assert [rate.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 1.0
    assert [rate.take() for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    ("header", "is_one"),
    [
        (base64.b64encode(b"x" * 32).decode(), True),
        (base64.b64encode(b"x" * 31).decode(), False),
        ("", False),
        ("not base64 at all", False),
        ("\u00e4" * 44, False),
    ],
)
def test_what_is_a_signature(header: str, is_one: bool) -> None:
    assert (WooCommerceDeliveries().signature(header) is not None) is is_one


def test_the_secret_is_in_no_text_of_a_route() -> None:
    assert SECRET not in repr(ROUTE)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9465", ("127.0.0.1", 9465)),
        ("localhost:9465", ("127.0.0.1", 9465)),
        ("[::1]:9465", ("::1", 9465)),
        ("10.0.0.5:9465", ("10.0.0.5", 9465)),
    ],
)
def test_addresses_to_listen_on(text: str, address: tuple[str, int]) -> None:
    assert listening.parse(text, "webhooks", "9465") == address


@pytest.mark.parametrize("text", ["", "shop.example:80", "127.0.0.1", "127.0.0.1:70000"])
def test_what_is_no_address_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="write 9465"):
        listening.parse(text, "webhooks", "9465")
