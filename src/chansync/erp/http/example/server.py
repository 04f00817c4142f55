"""The HTTP side of the example ERP: seven requests, JSON in and out, proved by a token or signed with it.

An answer of 2xx is the result. Anything else is a JSON object whose ``sentence`` people read: 401 and 403 for who may
not, 400 to 499 for what is refused as a whole, with nothing of it done; 503 for what may be asked again later.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .books import Books
from .tables import Json

#: The largest request, in bytes: a batch of 20 sales has some 100,000.
LARGEST = 10_000_000


def make_app(books: Books, token: str) -> Starlette:
    """The application.

    Args:
        token: what chansync proves itself with.
    """

    async def check(request: Request) -> Json:
        # An own ERP looks here at what it needs to record sales: rights, a fiscal year, number series …
        count = len(books.reference())
        found = [{"word": "ok", "sentence": f"There are {count} records of reference data."}]
        if not count:
            found = [{"word": "bad", "sentence": "There is no reference data: fill the table `reference`."}]
        return {"title": "Example company", "version": "1", "connected_as": "as the web shop", "findings": found}

    async def reference(request: Request) -> Json:
        # All of it each time, which does for some thousand records. A larger ERP answers in pages, and tells by the
        # cursor what has changed since.
        rows = books.reference()
        return {"rows": rows, "cursor": "", "complete": sorted({row["kind"] for row in rows}), "last": True}

    async def items(request: Request) -> Json:
        return {"rows": books.find_items((await request.json())["items"])}

    async def steps(request: Request) -> Json:
        sales = [(str(sale["key"]), list(sale["steps"])) for sale in (await request.json())["sales"]]
        return {"answers": [_apply(books, key, todo) for key, todo in sales]}

    async def views(request: Request) -> Json:
        return {"views": books.views((await request.json())["keys"])}

    async def changes(request: Request) -> Json:
        return books.changes(request.query_params.get("cursor", ""))

    async def stock(request: Request) -> Json:
        query = request.query_params
        return {"stock": books.stock(query.getlist("warehouse"), query.getlist("item"))}

    def route(path: str, method: str, handler: Callable[[Request], Awaitable[Json]]) -> Route:
        async def answer(request: Request) -> Response:
            # Without a length, it could be of any.
            if int(request.headers.get("content-length", 0 if method == "GET" else LARGEST + 1)) > LARGEST:
                return _refusal(413, "The request is too large.")
            try:
                if wrong := _unproved(request, await request.body(), token):
                    return _refusal(401, wrong)
                return JSONResponse(await handler(request))
            except (KeyError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
                return _refusal(400, f"The request is not as the description has it: {error!r}")

        return Route(path, answer, methods=[method])

    return Starlette(
        routes=[
            route("/check", "GET", check),
            route("/reference", "GET", reference),
            route("/items", "POST", items),
            route("/steps", "POST", steps),
            route("/views", "POST", views),
            route("/changes", "GET", changes),
            route("/stock", "GET", stock),
        ]
    )


def _apply(books: Books, key: str, steps: list[Json]) -> Json:
    """The answer for one sale. Whatever goes wrong with it, its transaction is undone and the others go on."""
    try:
        return books.apply(key, steps)
    except sqlite3.OperationalError as error:
        # Busy, or the disk is full: it may be better in a minute.
        problem = {"code": "erp_unavailable", "sentence": f"The database cannot be written: {error}."}
    except Exception as error:
        logging.exception("The steps of %s failed", key)
        problem = {"code": "erp_refused", "sentence": f"The ERP failed on this sale: {error!r:.300}. See its log."}
    return {"key": key, "results": [], "view": None, "error": problem}


def _unproved(request: Request, body: bytes, token: str) -> str:
    """What is wrong with the token or the signature of a request; empty: nothing.

    An own ERP needs only one of both: whichever is connected.
    """
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


def _refusal(status: int, sentence: str) -> Response:
    return JSONResponse({"sentence": sentence}, status)
