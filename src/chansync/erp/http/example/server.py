"""The HTTP side of the example ERP: seven requests, JSON in and out, proved by a token or signed with it.

An answer of 2xx is the result. Anything else is a JSON object whose ``sentence`` people read: 401 and 403 for who may
not, 400 to 499 for what is refused as a whole, with nothing of it done; 503 for what may be asked again later.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import logging
import os
import secrets
import socket
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .books import TABLES, Json, Sale, apply, free

#: The largest request, in bytes: a batch of 20 sales has some 100,000.
LARGEST = 10_000_000


def make_app(db: sqlite3.Connection, token: str) -> Starlette:
    """The application, with the token that chansync proves itself with."""

    async def check(request: Request) -> Json:
        # An own ERP looks here at what it needs to record sales: rights, a fiscal year, number series …
        count = len(_reference(db))
        found = {"word": "ok", "sentence": f"There are {count} records of reference data."}
        if not count:
            found = {"word": "bad", "sentence": "There is no reference data: fill the table `reference`."}
        return {"title": "Example company", "version": "1", "connected_as": "as the web shop", "findings": [found]}

    async def reference(request: Request) -> Json:
        # All of it each time, which does for some thousand records. A larger ERP answers in pages, and tells by the
        # cursor what has changed since.
        rows = _reference(db)
        return {"rows": rows, "cursor": "", "complete": sorted({row["kind"] for row in rows}), "last": True}

    async def items(request: Request) -> Json:
        return {"rows": _find(db, (await request.json())["items"])}

    async def steps(request: Request) -> Json:
        return {"answers": [_apply(db, sale["key"], sale["steps"]) for sale in (await request.json())["sales"]]}

    async def views(request: Request) -> Json:
        return {"views": _views(db, (await request.json())["keys"])}

    async def changes(request: Request) -> Json:
        return _changes(db, request.query_params.get("cursor", ""))

    async def stock(request: Request) -> Json:
        places, asked = (dict.fromkeys(request.query_params.getlist(name)) for name in ("warehouse", "item"))
        every = [row["code"] for row in _reference(db) if row["kind"] == "item"]
        chosen = [item for item in every if not asked or item in asked]
        return {"stock": {item: sum(free(db, item, place) for place in places) for item in chosen}}

    def route(path: str, method: str, handler: Callable[[Request], Awaitable[Json]]) -> Route:
        async def answer(request: Request) -> Response:
            # Without a length, it could be of any.
            if int(request.headers.get("content-length", 0 if method == "GET" else LARGEST + 1)) > LARGEST:
                return JSONResponse({"sentence": "The request is too large."}, 413)
            try:
                if wrong := _unproved(request, await request.body(), token):
                    return JSONResponse({"sentence": wrong}, 401)
                return JSONResponse(await handler(request))
            except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
                return JSONResponse({"sentence": f"The request is not as the description has it: {error!r}"}, 400)

        return Route(path, answer, methods=[method])

    handlers = {"POST": (items, steps, views), "GET": (check, reference, changes, stock)}
    return Starlette(
        routes=[route(f"/{each.__name__}", method, each) for method, many in handlers.items() for each in many]
    )


def _unproved(request: Request, body: bytes, token: str) -> str:
    """What is wrong with the token or the signature of a request; empty: nothing. An own ERP needs only one of both."""
    given = request.headers.get("x-chansync-signature")
    if given is None:
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        return "" if hmac.compare_digest(sent.encode(), token.encode()) else "The token is not the one of this ERP."
    at, _, code = given.partition(",")
    query = request.scope["query_string"].decode()
    target = f"{request.url.path}?{query}" if query else request.url.path
    signed = f"{at}\n{request.method}\n{target}\n".encode() + body
    if not hmac.compare_digest(code.encode(), hmac.new(token.encode(), signed, hashlib.sha256).hexdigest().encode()):
        return "The request is not signed with the token of this ERP."
    if abs(time.time() - int(at)) > 300:
        return "The request was signed more than five minutes from now: one of the two clocks is wrong."
    return ""


def _apply(db: sqlite3.Connection, key: str, steps: list[Json]) -> Json:
    """The answer for one sale. Whatever goes wrong with it, its transaction is undone and the others go on."""
    try:
        return apply(db, key, steps)
    except sqlite3.OperationalError as error:
        # Busy, or the disk is full: it may be better in a minute.
        problem = {"code": "erp_unavailable", "sentence": f"The database cannot be written: {error}."}
    except Exception as error:
        logging.exception("The steps of %s failed", key)
        problem = {"code": "erp_refused", "sentence": f"The ERP failed on this sale: {error!r:.300}. See its log."}
    return {"key": key, "results": [], "view": None, "error": problem}


def _views(db: sqlite3.Connection, keys: list[str]) -> list[Json]:
    return [sale.view() for sale in (Sale(db, key) for key in keys) if sale.doc]


def _changes(db: sqlite3.Connection, cursor: str, limit: int = 200) -> Json:
    last = db.execute("SELECT coalesce(max(id), 0) FROM change").fetchone()[0]
    if not cursor:
        return {"views": [], "items": [], "cursor": str(last)}
    # A cursor from the future: these books are a backup that was put back. Telling all of it does no harm.
    after = int(cursor) if int(cursor) <= last else 0
    rows = db.execute("SELECT id, key, item FROM change WHERE id > ? ORDER BY id LIMIT ?", (after, limit)).fetchall()
    keys = dict.fromkeys(key for _, key, _ in rows if key)
    told = {"views": _views(db, list(keys)), "items": sorted({item for _, _, item in rows if item})}
    return told | {"cursor": str(rows[-1][0] if rows else after), "last": len(rows) < limit}


def _reference(db: sqlite3.Connection) -> list[Json]:
    rows = db.execute("SELECT kind, pos, code, name, gtin, data FROM reference ORDER BY kind, pos, code")
    return [
        dict(zip(("kind", "pos", "code", "name", "gtin"), row, strict=False)) | {"data": json.loads(row[5])}
        for row in rows
    ]


def _find(db: sqlite3.Connection, keys: list[Json]) -> list[Json]:
    """The items and services by SKU, else by GTIN; one that two items have says nothing."""
    goods = [row for row in _reference(db) if row["kind"] in ("item", "service")]
    found: dict[str, Json] = {}
    for key in keys:
        rows = [row for row in goods if row["code"] == key.get("sku")]
        rows = rows or [row for row in goods if row["gtin"] and row["gtin"] == key.get("gtin")]
        found |= {row["code"]: row for row in rows if len(rows) == 1}
    return list(found.values())


# Its file, and the program


def open_books(file: str | Path) -> sqlite3.Connection:
    """The books in that file, made where it is missing, with a small company in them to begin with."""
    db = sqlite3.connect(file, isolation_level=None, timeout=20, check_same_thread=False)
    # What is answered is on the disk, also when the power fails.
    db.executescript(f"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; BEGIN IMMEDIATE; {TABLES}")
    if not db.execute("SELECT 1 FROM reference").fetchone():
        pos = json.dumps({"warehouse": "W1", "currencies": ["EUR", "BGN"]})
        words = (
            "warehouse:W1 pos:WEB document-type:invoice customer-type:web sale-type:web service:SHIPPING service:FEE"
        )
        rows = [(*word.split(":"), "", pos if word == "pos:WEB" else "{}") for word in words.split()]
        rows += [
            ("tax-transaction", "domestic", "", '{"rate": "19"}'),
            ("user", "shop", "", '{"email": "shop@example.com"}'),
        ]
        rows += [("payment-method", code, "WEB", "{}") for code in ("bank", "cash", "card")]
        rows += [("delivery-method", code, "WEB", "{}") for code in ("courier", "pickup")]
        goods = [f"SKU-{n:03}" for n in range(1, 41)] + [f"SHIRT-{n}-{size}" for n in range(1, 6) for size in "SML"]
        rows += [("item", code, "", "{}") for code in goods]
        db.executemany(
            "INSERT INTO reference (kind, code, pos, data, name, gtin) VALUES (?1, ?2, ?3, ?4, ?2, '')", rows
        )
        db.executemany("INSERT INTO stock VALUES ('W1', ?, ?, 0)", [(c, 50 if "SHIRT" in c else 1000) for c in goods])
    db.execute("INSERT OR IGNORE INTO setting VALUES ('token', ?)", (secrets.token_urlsafe(24),))
    db.execute("COMMIT")
    return db


def serve(file: str | Path, port: int, say: Callable[[str], None]) -> None:
    """Serve the books in that file until SIGTERM or Ctrl-C, on this machine only: there is no HTTPS.

    Raises:
        OSError: the port is taken.
        sqlite3.Error: the file is no database, or cannot be written.
    """
    with socket.create_server(("127.0.0.1", port), backlog=64) as listener:
        # The books hold the token and customers' data: they are for their owner only.
        os.umask(0o077)
        is_new = not Path(file).exists()
        db = open_books(file)
        if is_new:
            say(f"New books in {file}: a POS WEB, a warehouse W1, 55 items.")
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        say(f"The example ERP answers at {address}; its books are in {file}. Ctrl-C ends it.")
        token = db.execute("SELECT value FROM setting WHERE name = 'token'").fetchone()[0]
        say(f"Its token: {token}")
        config = uvicorn.Config(make_app(db, token), log_level="warning", lifespan="off", server_header=False)
        uvicorn.Server(config).run(sockets=[listener])
        db.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8095)
    parser.add_argument("--db", default="own-erp.db", help="its books; made where it is missing")
    given = parser.parse_args()
    serve(given.db, given.port, lambda sentence: print(sentence, flush=True))
