"""The store on a socket: HTTP around the REST API, with the pace and the faults of real ones."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from chansync.demo.faults import Fault, Faults, Spoilt, spoil
from chansync.demo.serving import ServerThread, hang, send_whole
from chansync.demo.woocommerce import auth, control, routes
from chansync.demo.woocommerce.call import Answer, Call, failure
from chansync.demo.woocommerce.errors import RestError
from chansync.demo.woocommerce.params import Params, parse_query
from chansync.demo.woocommerce.shop import DemoShop

_JSON = "application/json; charset=UTF-8"
_HTML = "text/html; charset=UTF-8"
_KEPT_REQUESTS = 20_000

pause = asyncio.sleep


@dataclass(slots=True)
class Served:
    """One request that was answered: times are seconds since 1970, `status` 0 means that no answer was sent."""

    method: str
    path: str
    route: str
    params: Params
    started: float
    status: int = 0
    finished: float = 0.0


@dataclass(frozen=True, slots=True)
class Options:
    """How a store is set up.

    `pretty_permalinks` off: only `?rest_route=` works. `basic_over_http`: a plugin or proxy that makes WordPress
    believe in TLS for Basic auth. `behind_tls_proxy`: everything counts as https. `tls_unseen`: the client speaks
    TLS, but the store does not know it. `page_delay`: seconds for 100 rows. `concurrency`: requests answered at once.
    """

    pretty_permalinks: bool = True
    basic_over_http: bool = False
    behind_tls_proxy: bool = False
    tls_unseen: bool = False
    page_delay: float = 0.0
    concurrency: int | None = None


@dataclass(slots=True)
class _Context:
    """One request under way."""

    request: Request
    route: str
    query: Params
    served: Served
    body: bytes = b""
    fault: Fault | None = None
    headers: dict[str, str] = field(default_factory=dict)


class StoreApp:
    """The ASGI application."""

    def __init__(self, shop: DemoShop, faults: Faults, options: Options, public_url: str, tls: bool) -> None:
        self.shop, self.faults, self.options = shop, faults, options
        self.public_url = public_url
        self.requests: deque[Served] = deque(maxlen=_KEPT_REQUESTS)
        self.closing = asyncio.Event()
        self._slots = asyncio.Semaphore(options.concurrency) if options.concurrency else None
        self._secure = (tls or options.behind_tls_proxy) and not options.tls_unseen
        scheme = "https" if self._secure else "http"
        self._home = f"{scheme}://{urlsplit(public_url).netloc}"
        self._keys = auth.Keys(
            {
                shop.consumer_key: auth.Key(shop.consumer_secret, True),
                shop.read_only_key: auth.Key(shop.read_only_secret, False),
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        query = parse_query(scope["query_string"].decode("latin-1"))
        path = scope["path"]
        if path.startswith("/_demo/"):
            answer = control.answer(
                self.shop, self.faults, len(self.requests), request.method, path, await request.body()
            )
            await send_whole(send, answer.status, {"content-type": _JSON}, answer.body)
            return
        route = self._rest_route(path, query)
        served = Served(request.method, path, route or "", query, time.time())
        self.requests.append(served)
        try:
            if route is None:
                served.status = await self._page(send, path)
            else:
                await self._rest(_Context(request, route, query, served), send)
        except ClientDisconnect:
            pass
        finally:
            served.finished = served.finished or time.time()

    def _rest_route(self, path: str, query: Params) -> str | None:
        """The route inside the REST API; None for an ordinary page."""
        if "rest_route" in query and (path in ("/", "/index.php") or path.startswith("/index.php/")):
            return str(query["rest_route"]) or "/"
        if self.options.pretty_permalinks:
            for prefix in ("/wp-json", "/index.php/wp-json"):
                if path == prefix or path.startswith(f"{prefix}/"):
                    return path.removeprefix(prefix).rstrip("/") or "/"
        return None

    def _api_link(self) -> str:
        root = "/wp-json/" if self.options.pretty_permalinks else "/index.php?rest_route=/"
        return f'<{self.shop.site_url}{root}>; rel="https://api.w.org/"'

    async def _page(self, send: Send, path: str) -> int:
        status = 200 if path == "/" else 404
        title = self.shop.title if path == "/" else "Page not found"
        html = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
        await send_whole(send, status, {"content-type": _HTML, "link": self._api_link()}, html.encode())
        return status

    async def _rest(self, context: _Context, send: Send) -> None:
        context.body = await context.request.body()
        context.fault = self.faults.take(context.request.method, context.route)
        slot: AbstractAsyncContextManager[Any] = self._slots or nullcontext()
        async with slot:
            if context.fault is None or context.fault.applies:
                answer = self._answer(context)
                if self.options.page_delay and answer.rows:
                    await pause(self.options.page_delay * answer.rows / 100)
            else:
                answer = Answer(b"")
            headers = {"content-type": _JSON, "link": self._api_link(), **answer.headers}
            spoilt = await self._with_fault(context, answer, headers)
        # Written down before the answer is out, so that a client that has it finds its request complete.
        context.served.status, context.served.finished = spoilt.status, time.time()
        body = b"" if context.request.method == "HEAD" else spoilt.body
        await send_whole(send, spoilt.status, spoilt.headers, body, spoilt.declared)

    async def _with_fault(self, context: _Context, answer: Answer, headers: dict[str, str]) -> Spoilt:
        fault = context.fault
        if fault is None:
            return Spoilt(answer.status, headers, answer.body)
        if fault.kind == "hang":
            await hang(context.request, self.closing)
            # An answer that is never finished makes uvicorn close the connection.
            return Spoilt(200, headers, b"", declared=1)
        if fault.kind == "slow":
            await pause(float(fault.options.get("seconds", 1)))
        https = str(context.request.url.replace(scheme="https"))
        return spoil(fault, answer.status, headers, answer.body, https)

    def _answer(self, context: _Context) -> Answer:
        request = context.request
        secure = self._secure or self.options.basic_over_http
        caller = auth.Caller(
            request.method,
            self._home,
            request.scope["path"],
            context.query,
            request.headers.get("authorization", ""),
            secure,
        )
        method = "GET" if request.method == "HEAD" else request.method
        try:
            # WooCommerce looks for these in the request's URI as it came, and at no keys where neither is there.
            uri = f"{request.scope['raw_path'].decode('latin-1')}?{request.scope['query_string'].decode('latin-1')}"
            authorised = ("wp-json/wc/" in uri or "wp-json/wc-" in uri) and self._keys.check(caller)
            route, numbers = routes.find(context.route, method, self.shop.old_store)
            return routes.dispatch(self._call(context, method, numbers), route, authorised)
        except RestError as error:
            answer = failure(error)
            if "secret" in str(error):
                answer.headers.update(auth.basic_challenge())
            return answer

    def _call(self, context: _Context, method: str, numbers: tuple[int, ...]) -> Call:
        body: Any = None
        if context.body:
            try:
                body = json.loads(context.body)
            except ValueError:
                details = {"json_error_code": 4, "json_error_message": "Syntax error"}
                raise RestError(400, "rest_invalid_json", "Invalid JSON body passed.", **details) from None
        params = {name: value for name, value in context.query.items() if name != "rest_route"}
        root = "/wp-json" if self.options.pretty_permalinks else "/index.php?rest_route="
        return Call(self.shop, method, context.route, numbers, params, body, self.shop.site_url + root + context.route)


class DemoServer(ServerThread):
    """Serves a store in a thread of its own, on a loopback port; a context manager."""

    def __init__(
        self,
        shop: DemoShop,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: tuple[str | Path, str | Path] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(host, port, tls)
        self.shop = shop
        self.faults = Faults()
        chosen = Options(**options)
        public = self.url.replace("http://", "https://") if chosen.behind_tls_proxy else self.url
        shop.settle_at(public)
        self._store = StoreApp(shop, self.faults, chosen, public, tls is not None)
        self.serve(self._store, self._store.closing)

    @property
    def requests(self) -> list[Served]:
        """The latest requests as they are now, the last one at the end."""
        return list(self._store.requests)
