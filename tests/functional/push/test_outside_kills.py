"""Whatever is killed, and whatever answer is lost: each order is one sale there, done once, and the site is told."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from chansync.model import steps
from support import dying, far_file

from .conftest import World
from .test_outside_erp import ALL, Far, far, key  # noqa: F401

Make = Callable[..., World]

CHANNEL = ALL | {"paid_statuses": "processing, completed", "refused_statuses": "cancelled, refunded, failed"}


def settle(it: Far) -> None:
    """Let time pass, and run until nothing is left to do."""
    for _ in range(4):
        it.world.query("UPDATE sale_step SET next_try_at = NULL, sent_at = sent_at - 100000")
        it.world.query('UPDATE "order" SET next_try_at = 0 WHERE next_try_at IS NOT NULL')
        it.world.query("UPDATE outbox SET next_try_at = NULL, sent_at = NULL")
        assert dying.sync(it.world.path, far_file.FOLDER) == 0


def prove(it: Far, numbers: list[str], cancelled: set[str]) -> None:
    """Every order is one sale, as the site has it."""
    views = it.server.views()
    assert len({view.number for view in views.values()}) == len(views)
    assert set(views) <= {key(number) for number in numbers}
    pieces = 0
    for number in numbers:
        view = views.get(key(number))
        if number in cancelled:
            assert view is None or view.state.closed, told(it, number)
            continue
        assert view is not None, told(it, number)
        state = view.state
        done = (state.written_out, state.unpaid, state.paid)
        assert done == (True, 0, state.total - state.refunded), told(it, number)
        pieces += sum(int(line.quantity) for line in view.lines if line.item_code == "SKU-001")
        assert it.world.status(number) == "completed", number
    assert it.server.read()["stock"]["SKU-001"] == 500 - pieces
    assert it.world.query("SELECT word, state FROM sale_step WHERE state IN ('waiting', 'sent')") == []
    assert it.world.query("SELECT code, sentence FROM message WHERE open = 1") == []


def told(it: Far, number: str) -> str:
    """What is known of an order here, for whoever has to find the fault."""
    order = it.world.query(
        'SELECT state, reason, status, todo, next_try_at, attempts, digest FROM "order" WHERE external_id = ?', number
    )
    steps_ = it.world.query(
        "SELECT word, state, tries, noted, next_try_at, sentence FROM sale_step WHERE sale_key = ?", key(number)
    )
    links = it.world.query("SELECT * FROM sale_link WHERE sale_key = ?", key(number))
    messages = it.world.query("SELECT code, open, sentence FROM message WHERE order_number = ?", number)
    calls = [call for call in it.server.read()["calls"] if key(number) in str(call)]
    return f"{number} is {it.world.status(number)}: {order} {steps_} {links} {messages} {calls}"


@pytest.fixture
def tormented(far: Callable[..., Far]) -> Far:  # noqa: F811
    return far({"SKU-001": 500}, **CHANNEL)


@pytest.mark.long
@pytest.mark.parametrize("how", ["die", "die after"])
def test_a_kill_while_the_erp_is_at_it(tormented: Far, how: str) -> None:
    it = tormented
    numbers = [it.world.order(), it.world.order()]
    it.server.fail("apply", how)

    assert dying.sync(it.world.path, far_file.FOLDER) < 0

    settle(it)
    prove(it, numbers, set())


def torment(it: Far, seed: int, kills: int) -> None:
    """Random orders, cancellations, faults and kills."""
    chance = random.Random(seed)
    cancelled: set[str] = set()
    known: list[str] = []
    killed = 0
    for _ in range(kills):
        known += [it.world.order() for _ in range(chance.randint(0, 2))]
        if known and chance.random() < 0.2:
            number = chance.choice(known)
            if number not in cancelled and it.world.status(number) != "completed":
                it.world.shop.set_status(int(number), "cancelled")
                cancelled.add(number)
        if chance.random() < 0.5:
            how = chance.choice(["lose", "unreachable", "die", "die after", "midway", "rights"])
            it.server.fail("apply", how)
        moment, count = chance.choice(["begin", "end", "done"]), chance.randint(1, 25)
        killed += dying.sync(it.world.path, far_file.FOLDER, moment, count) < 0
        open_sales = [each for each, view in it.server.views().items() if not view.state.closed]
        if open_sales and chance.random() < 0.2:
            it.server.act(chance.choice(open_sales), steps.Ship("Cart", "1"))
        it.world.query("UPDATE sale_step SET next_try_at = NULL")
    assert killed
    data = it.server.read()
    it.server.write(data | {"faults": []})
    settle(it)
    prove(it, known, cancelled)


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_kills_at_random(tormented: Far, seed: int) -> None:
    torment(tormented, seed, 8)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10, 15))
def test_many_kills_at_random(tormented: Far, seed: int) -> None:
    torment(tormented, seed, 40)
