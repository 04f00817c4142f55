"""The fake on a socket: the token endpoint, the API with its rate limits and faults, and the documents of feeds."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from chansync.demo.amazon import checks, control, feed_routes, feed_work, operations
from chansync.demo.amazon.call import Answer, Call, Operation, failure, reply
from chansync.demo.amazon.errors import ApiError, by_status, denied, invalid
from chansync.demo.amazon.login import LoginError
from chansync.demo.amazon.seller import Seller
from chansync.demo.faults import Fault, Faults, Spoilt, spoil
from chansync.demo.serving import ServerThread, hang, send_whole

_JSON = "application/json"
_KEPT_REQUESTS = 20_000
TOKEN_PATH = "/auth/o2/token"

pause = asyncio.sleep


@dataclass(slots=True)
class Served:
    """One request that was answered.

    Attributes:
        operation: the name of the operation; `token` and `document` for what is beside the API.
        moment: when, by the fake's clock.
        status: 0 means that no answer was sent.
        sent, answer: headers and bodies of both directions, where the server keeps them.
    """

    method: str
    path: str
    query: str
    operation: str
    moment: float
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    sent: bytes = b""
    answer_headers: dict[str, str] = field(default_factory=dict)
    answer: bytes = b""


class AmazonApp:
    """The ASGI application. With `record` it keeps what went over the line, for tests that look at it."""

    def __init__(self, seller: Seller, faults: Faults, base: str, record: bool) -> None:
        self.seller, self.faults, self.base, self.record = seller, faults, base, record
        seller.duties = [partial(feed_work.settle, seller)]
        self.requests: deque[Served] = deque(maxlen=_KEPT_REQUESTS)
        self.closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").partition("?")[0]
        try:
            body = await request.body()
        except ClientDisconnect:
            return
        if path.startswith("/_demo/"):
            answer = control.answer(self.seller, self.faults, self.requests, request.method, path, body)
            await send_whole(send, answer.status, {"content-type": _JSON}, answer.body)
            return
        query = scope["query_string"].decode("latin-1")
        served = Served(request.method, path, query, _kind(request.method, path), self.seller.clock.moment())
        if self.record:
            served.headers, served.sent = dict(request.headers), body
        self.requests.append(served)
        fault = self.faults.take(request.method, path)
        try:
            await self._answer(request, served, body, fault, send)
        except ClientDisconnect:
            pass

    async def _answer(self, request: Request, served: Served, body: bytes, fault: Fault | None, send: Send) -> None:
        answer = Answer()
        if fault is None or fault.applies:
            with self.seller.lock:
                answer = self._done(request, served, body)
        answer.headers = {"content-type": _JSON, "x-amzn-requestid": str(uuid.uuid4()), **answer.headers}
        spoilt = await self._with_fault(request, fault, answer)
        # Written down before the answer is out, so that a client that has it finds its request complete.
        served.status = spoilt.status
        if self.record:
            served.answer_headers, served.answer = spoilt.headers, spoilt.body
        await send_whole(send, spoilt.status, spoilt.headers, spoilt.body, spoilt.declared)

    async def _with_fault(self, request: Request, fault: Fault | None, answer: Answer) -> Spoilt:
        if fault is None:
            return Spoilt(answer.status, answer.headers, answer.body)
        if fault.kind == "hang":
            await hang(request, self.closing)
            # An answer that is never finished makes uvicorn close the connection.
            return Spoilt(200, answer.headers, b"", declared=1)
        if fault.kind == "slow":
            await pause(float(fault.options.get("seconds", 1)))
        spoilt = spoil(fault, answer.status, answer.headers, answer.body, str(request.url))
        if fault.kind == "status":
            spoilt.body = json.dumps(by_status(spoilt.status).body).encode()
            spoilt.headers = {**answer.headers, **spoilt.headers, "content-type": _JSON}
        return spoilt

    def _done(self, request: Request, served: Served, body: bytes) -> Answer:
        self.seller.settle()
        content_type = request.headers.get("content-type", "")
        if served.operation == "token":
            return self._token(content_type, body)
        if served.operation == "document":
            path, query = served.path, served.query
            return feed_routes.transfer(self.seller, served.method, path, query, content_type, body)
        try:
            operation, parts = operations.find(served.method, served.path)
            self.seller.login.check(request.headers.get("x-amz-access-token", ""))
            return self._call(operation, parts, served.query, content_type, body)
        except ApiError as error:
            return failure(error)

    def _token(self, content_type: str, body: bytes) -> Answer:
        try:
            return reply(self.seller.login.grant(content_type, body))
        except LoginError as error:
            return reply(error.body, error.status)

    def _call(self, operation: Operation, parts: tuple[str, ...], query: str, content_type: str, body: bytes) -> Answer:
        seller = self.seller
        if not seller.buckets.take(operation.name, operation.rate, operation.burst):
            raise by_status(429)
        if operation.role and operation.role not in seller.roles:
            raise denied("The application does not have the role that this operation needs.")
        try:
            value = _read_body(operation, content_type, body)
            call = Call(seller, parts, checks.read_query(query, operation.params), value, self.base)
            answer = operation.handler(call)
        except ApiError as error:
            answer = failure(error)
        # Amazon tells the rate with what it worked on, not with what it turned away at the door.
        if answer.status in (200, 201, 202, 204, 400, 404):
            answer.headers["x-amzn-ratelimit-limit"] = seller.buckets.shown(operation.name, operation.rate)
        return answer


def _kind(method: str, path: str) -> str:
    if path == TOKEN_PATH:
        return "token" if method == "POST" else ""
    if path.startswith("/_documents/"):
        return "document"
    try:
        return operations.find(method, path)[0].name
    except ApiError:
        return ""


def _read_body(operation: Operation, content_type: str, body: bytes) -> Any:
    if operation.body is None:
        return None
    checks.check_media(content_type)
    try:
        value = json.loads(body)
    except ValueError:
        raise invalid("The body is not JSON.") from None
    operation.body(value, "body")
    return value


class AmazonServer(ServerThread):
    """Serves a seller's account in a thread of its own, on a loopback port; a context manager.

    `url` stands for Amazon's token endpoint and for the API.
    """

    def __init__(
        self,
        seller: Seller,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: tuple[str | Path, str | Path] | None = None,
        record: bool = False,
    ) -> None:
        super().__init__(host, port, tls)
        self.seller = seller
        self.faults = Faults()
        self._app = AmazonApp(seller, self.faults, self.url, record)
        self.serve(self._app, self._app.closing)

    @property
    def requests(self) -> list[Served]:
        """The latest requests as they are now, the last one at the end."""
        return list(self._app.requests)

    def calls(self, operation: str) -> list[Served]:
        """The requests of one operation."""
        return [served for served in self.requests if served.operation == operation]
