"""The HTTP side of the example ERP: seven requests, JSON in and out, a bearer token.

An answer of 2xx is the result. Anything else is a JSON object whose ``sentence`` people read: 401 and 403 for who may
not, 400 to 499 for what is refused as a whole, with nothing of it done; 503 for what may be asked again later.
"""

from __future__ import annotations

import hmac
import json
import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

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
        return {"rows": books.find_items((await _body(request))["items"])}

    async def steps(request: Request) -> Json:
        sales = [(str(sale["key"]), list(sale["steps"])) for sale in (await _body(request))["sales"]]
        return {"answers": [_apply(books, key, todo) for key, todo in sales]}

    async def views(request: Request) -> Json:
        return {"views": books.views((await _body(request))["keys"])}

    async def changes(request: Request) -> Json:
        return books.changes(request.query_params.get("cursor", ""))

    async def stock(request: Request) -> Json:
        query = request.query_params
        return {"stock": books.stock(query.getlist("warehouse"), query.getlist("item"))}

    def route(path: str, method: str, handler: Callable[[Request], Awaitable[Json]]) -> Route:
        async def answer(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), token.encode()):
                return _refusal(401, "The token is not the one of this ERP.")
            try:
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


async def _body(request: Request) -> Any:
    """The request's JSON.

    Raises:
        ValueError: it is none, or too large.
    """
    chunks: list[bytes] = []
    async for chunk in request.stream():
        chunks.append(chunk)
        if sum(map(len, chunks)) > LARGEST:
            raise ValueError("it is too large")
    return json.loads(b"".join(chunks))


def _refusal(status: int, sentence: str) -> Response:
    return JSONResponse({"sentence": sentence}, status)
