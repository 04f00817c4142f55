"""A site that talks nonsense at every one of its routes for a while, message by message; then it is well again."""

from __future__ import annotations

import json
import random
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import apsw

from chansync.db.connection import Store, open_store
from chansync.db.transaction import transaction
from chansync.demo.amazon import AmazonServer, Seller
from chansync.demo.woocommerce import DemoServer, DemoShop, Shopper
from chansync.orders.sale_actions import perform
from chansync.setup import channel_settings
from chansync.setup.confirm import confirm_channel
from chansync.sync.run_result import RunResult
from chansync.sync.runner import SyncRequest, sync_channel
from support import marketplace, shops, world

from . import mutations
from .impatience import impatient
from .nonsense import spoilt
from .world import SETTINGS, rows

#: How likely an answer is nonsense.
TROUBLE = 0.35

_NOTICE = b"<br />\n<b>Warning</b>: Undefined array key [0] in <b>/var/www/{plugin}.php</b> on line <b>42</b><br />\n"
_PAGE = b"<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head><body>no</body></html>"
_TOTALS = ("-1", "0", "999999999999", "1e3", "abc", "", "1", "99", "101", "\xd9\xa3", "7.5")
_DATES = (
    "Thu, 01 Jan 1970 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "yesterday",
    "",
    "Tue, 32 Feb 2026 25:61:61 GMT",
)
_PLACES = ("/", "//", "http://", "https://evil.example/x", "\xff", "?a", ":")
_TYPES = ("text/html", "", "image/png", "application/json; charset=utf-16")
_WAITS = ("-1", "0", "1e9", "soon", "99999999999999999999", "Wed, 99 Foo", "", "0.5")
_STATUSES = (200, 201, 202, 203, 204, 205, 206, 226, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403, 404, 405,
             406, 408, 409, 410, 413, 414, 418, 421, 423, 425, 429, 431, 451, 500, 501, 502, 503, 504, 507, 508, 509,
             520, 521, 522, 524, 525, 526, 530, 599, 999)  # fmt: skip
_BODIES = (b"", b"null", b"0", b'""', b"[]", b"{}", b"[[]]", b"\x00", b"true", b"\xff\xfe[\x00]\x00", _PAGE,
           b"Error establishing a database connection",
           b'{"error": null, "errors": [], "code": 5, "message": ["x"], "data": "y"}')  # fmt: skip
KINDS = ("tree", "notice before", "notice behind", "byte order mark", "cut", "twice", "body", "bad byte", "status",
         "status alone", "old", "totals", "date", "rows twice", "rows mixed", "rows lost", "type",
         "redirect")  # fmt: skip


class Talking:
    """Spoils answers; ``trouble`` may be changed while it runs.

    Attributes:
        met: how often which kind of nonsense came.
        misread: ids of orders of which something else was told than what they are, with nothing to see it by.
    """

    def __init__(self, seed: int) -> None:
        self.trouble = 0.0
        self.met: Counter[str] = Counter()
        self.misread: set[str] = set()
        self._rng = random.Random(seed)
        self._old: dict[str, list[bytes]] = {}

    def spoil(self, answer: Any, route: str) -> Any:
        """What is sent instead of an answer (``body``, ``status`` and ``headers``), which is changed in place."""
        rng, old = self._rng, self._old.setdefault(route, [])
        before = rng.choice(old) if old else answer.body
        if len(old) < 20:
            old.append(answer.body)
        if rng.random() >= self.trouble:
            return answer
        kind = rng.choice(KINDS)
        self.met[kind] += 1
        answer.headers = dict(answer.headers)
        body = answer.body
        self._spoil(answer, kind, before)
        if kind in ("tree", "bad byte"):
            told, truth = _by_id(answer.body), _by_id(body)
            self.misread |= {own for own, row in told.items() if own in truth and row != truth[own]}
        return answer

    def _spoil(self, answer: Any, kind: str, before: bytes) -> None:
        rng, body = self._rng, answer.body
        if kind in ("tree", "rows twice", "rows mixed", "rows lost"):
            answer.body = self._other_tree(body, kind)
        elif kind in ("notice before", "notice behind"):
            answer.body = _NOTICE + body if kind == "notice before" else body + _NOTICE
        elif kind == "byte order mark":
            answer.body = b"\xef\xbb\xbf" + body
        elif kind == "cut":
            answer.body = body[: rng.randrange(len(body) + 1)]
        elif kind == "twice":
            answer.body = body + body
        elif kind == "body":
            answer.body = rng.choice(_BODIES)
        elif kind == "bad byte":
            at = rng.randrange(len(body) + 1)
            answer.body = body[:at] + bytes([rng.randrange(256)]) + body[at:]
        elif kind in ("status", "status alone", "redirect"):
            answer.status = rng.choice(_STATUSES) if kind != "redirect" else rng.choice((301, 302, 307, 308))
            answer.headers |= {"retry-after": rng.choice(_WAITS)}
            answer.headers |= {
                "location": rng.choice(("/", "//", "http://", "https://evil.example/x", "\xff", "?a", ":"))
            }
            answer.body = b"" if kind == "status alone" or answer.status in (204, 304) else body
        elif kind == "old":
            answer.body = before
            answer.headers |= {"age": "86400", "x-cache": "HIT"}
        elif kind == "totals":
            answer.headers |= {"x-wp-total": rng.choice(_TOTALS), "x-wp-totalpages": rng.choice(_TOTALS)}
            answer.headers |= {"x-amzn-ratelimit-limit": rng.choice(("-1", "0", "abc", "", "1e9", "nan"))}
        elif kind == "date":
            answer.headers |= {"date": rng.choice(_DATES)}
        elif kind == "type":
            answer.headers |= {"content-type": rng.choice(_TYPES)}

    def _other_tree(self, body: bytes, kind: str) -> bytes:
        try:
            tree = json.loads(body)
        except ValueError:
            return body
        if kind == "tree":
            tree = spoilt(tree, self._rng)
        elif isinstance(tree, list) and tree:
            if kind == "rows twice":
                tree += self._rng.sample(tree, min(3, len(tree)))
            elif kind == "rows mixed":
                self._rng.shuffle(tree)
            else:
                del tree[self._rng.randrange(len(tree))]
        return json.dumps(tree, default=float).encode()


def _by_id(body: bytes) -> dict[str, Any]:
    """The rows of an answer, or the one that it is, by their ids."""
    try:
        tree = json.loads(body)
    except ValueError:
        return {}
    found = tree if isinstance(tree, list) else [tree]
    return {str(row["id"]): row for row in found if isinstance(row, dict) and "line_items" in row and "id" in row}


def listen_to_a_store(folder: Path, seed: int, turns: int) -> tuple[Counter[str], list[str]]:
    """Sync ``turns`` times with a store that talks nonsense; what was met how often, and what is wrong at the end."""
    path = folder / "chansync.db"
    shop = DemoShop.create(orders=130, seed=seed)
    talking = Talking(seed)
    wrong: list[str] = []
    with DemoServer(shop) as server:
        shops.make_company(path, shop, server, cadence="1h")
        shops.finished(shops.command("channel", "set", "demo", *SETTINGS, database=path))
        answered = server._store._answer
        server._store._answer = lambda context: talking.spoil(answered(context), context.route)  # type: ignore[method-assign]
        with Shopper(shop, 15, seed):
            for turn in range(turns):
                talking.trouble = TROUBLE
                wrong += _unclear(_sync(path, "demo"))
                talking.trouble = 0.0
                if turn == turns // 2:
                    sales = [row[0] for row in rows(path, "SELECT number FROM erp_sale LIMIT 15")]
                    shops.finished(shops.command("erp", "write-out", *sales, database=path))
        wrong += _well_again(path, ["demo"])
        # What looked right came in as it was told; a person who sees it has the order read again.
        again = SyncRequest(order_numbers=tuple(sorted(talking.misread)))
        shops.with_store(path, lambda store: sync_channel(store, "demo", again, trigger="command"))
        judged = shops.audited(path)
        wrong += judged.wrong + ([f"{judged.newer} orders are newer on the site"] if judged.newer else [])
    return talking.met, wrong


def listen_to_amazon(folder: Path, seed: int, turns: int) -> tuple[Counter[str], list[str]]:
    """The same with an Amazon that talks nonsense."""
    path = folder / "chansync.db"
    rng = random.Random(seed)
    seller = Seller(rate_factor=100_000.0)
    seller.settling = 0
    talking = Talking(seed)
    wrong: list[str] = []
    with AmazonServer(seller) as server:
        store = open_store(path)
        marketplace.add_erp(store, seller)
        marketplace.add_system(store, server)
        marketplace.add_channels(store, ["de", "fr"])
        for code in ("de", "fr"):
            channel_settings.change_channel(
                store, code, {"push_statuses": "yes", "push_quantities": "yes", "push_exact_quantities": "yes"}
            )
        done = server._app._done
        server._app._done = lambda request, served, body: talking.spoil(done(request, served, body), served.operation)  # type: ignore[method-assign]
        for turn in range(turns):
            for _ in range(4):
                seller.pay(seller.place_order(rng.choice(("DE", "FR"))))
            talking.trouble = TROUBLE
            for code in ("de", "fr"):
                wrong += _unclear(_sync(path, code))
            talking.trouble = 0.0
            if turn == turns // 2:
                found = store.db.execute("SELECT number FROM erp_sale LIMIT 6")
                for (number,) in list(found):
                    perform(store.db, "write-out", number, carrier="DHL", tracking="T1")
        store.close()
        wrong += _well_again(path, ["de", "fr"])
        wrong += _lost(path, seller.truth())
    return talking.met, wrong


def listen(folder: Path, seed: int, turns: int) -> tuple[Counter[str], list[str]]:
    """Both for ``turns`` syncs, and a hundred spoilt orders of each for every sync."""
    met: Counter[str] = Counter()
    wrong: list[str] = []
    for name, listen_to in (("store", listen_to_a_store), ("amazon", listen_to_amazon)):
        (folder / name).mkdir()
        found, bad = listen_to(folder / name, seed, turns)
        met, wrong = met + found, wrong + [f"{name}: {each}" for each in bad]
    store = open_store(folder / "orders.db")
    world.add_erp(store, currencies="EUR,BGN,GBP,JPY,USD")
    world.add_channel(store)
    for bench in (mutations.store_bench(store), mutations.amazon_bench(store)):
        found, bad = mutations.judged(store, bench, range(seed * 1_000_000, seed * 1_000_000 + turns * 100))
        met, wrong = met + found, wrong + bad
    store.close()
    return met, wrong


def _sync(path: Path, code: str) -> list[RunResult]:
    request = SyncRequest(lookups=True, orders=True, comparison=True, statuses=True, quantities=True)

    async def work(store: Store) -> list[RunResult]:
        await confirm_channel(store, code)
        return await sync_channel(store, code, request, trigger="command")

    with impatient():
        return shops.with_store(path, work)


def _unclear(results: list[RunResult]) -> list[str]:
    return [
        f"{result.stream} said: {result.sentence}"
        for result in results
        if result.error_code == "site_bug" or not set(result.sentence).isdisjoint("\n\x1b\x00")
    ]


def _well_again(path: Path, codes: list[str]) -> list[str]:
    """What is not as if nothing had been, once the site is well."""

    async def make_due(store: Store) -> None:
        await store.run(_make_due)

    shops.with_store(path, make_due)
    wrong = []
    for _ in range(2):
        for code in codes:
            # Twice: what the comparison fetches may have something to send.
            results = _sync(path, code)
    wrong += [
        f"afterwards {each.stream} is {each.state}: {each.sentence}"
        for each in results
        if each.state not in ("done", "off")
    ]
    bad = "('site_unavailable', 'site_refused', 'site_bug', 'import_bug', 'order_unreadable', 'refunds_unreadable')"
    wrong += [f"open: {code} {sentence}" for code, sentence in rows(
        path, f"SELECT code, sentence FROM message WHERE open = 1 AND code IN {bad}"
    )]  # fmt: skip
    wrong += [f"a bug was told: {sentence}" for (sentence,) in rows(
        path, "SELECT sentence || data FROM message WHERE code IN ('site_bug', 'import_bug')"
    )]  # fmt: skip
    wrong += [f"a sentence of nonsense: {sentence!r}" for (sentence,) in rows(
        path, "SELECT sentence FROM message WHERE sentence GLOB char(42, 27, 42) OR instr(sentence, char(10))"
    )]  # fmt: skip
    doubled = rows(path, "SELECT count(*) - count(DISTINCT key) FROM erp_sale")[0][0]
    return wrong + ([f"{doubled} sales are doubled"] if doubled else [])


def _make_due(db: apsw.Connection) -> None:
    with transaction(db):
        db.execute('UPDATE "order" SET next_try_at = 1 WHERE next_try_at IS NOT NULL')
        db.execute("UPDATE outbox SET next_try_at = 1 WHERE next_try_at IS NOT NULL")
        db.execute("UPDATE site_item SET next_try_at = 1 WHERE next_try_at IS NOT NULL")


def _lost(path: Path, truth: dict[str, dict[str, Any]]) -> list[str]:
    """Orders of the seller that are neither a sale of their total nor an open problem."""
    sales = {number: (currency, total) for number, currency, total in rows(
        path, "SELECT order_number, currency, total FROM erp_sale"
    )}  # fmt: skip
    told = {number for (number,) in rows(path, "SELECT order_number FROM message WHERE open = 1")}
    wrong = []
    for own, order in truth.items():
        expected = (order["currency"], int(Decimal(order["total"]).scaleb(2)))
        if own not in told and sales.get(own) != expected:
            wrong.append(f"order {own}: {expected} at Amazon, {sales.get(own)} in the ERP")
    return wrong
