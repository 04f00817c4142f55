"""Holds every exchange with a server of the HTTP protocol of ERPs against its description, ``openapi.json``."""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from jsonschema import Draft202012Validator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chansync.erp.http import openapi


@cache
def _description() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(openapi.FILE.read_text(encoding="utf-8"))
    # Who reads must pass over fields that it does not know; who writes has no reason to send any.
    for schema in document["components"]["schemas"].values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return document


@cache
def _validator(pointer: str) -> Draft202012Validator:
    schema = {"$ref": pointer, "components": _description()["components"]}
    return Draft202012Validator(schema)


def wrong_with(value: Any, content: dict[str, Any]) -> list[str]:
    """What of a body does not fit the ``content`` of a request or an answer."""
    pointer = content["application/json"]["schema"]["$ref"]
    return [f"{error.json_path}: {error.message[:300]}" for error in _validator(pointer).iter_errors(value)]


class Judge:
    """Stands before an application and notes in ``wrong`` what is not as described: requests and answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.wrong: list[str] = []
        self.exchanges = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an exchange on, and look at it."""
        request: list[bytes] = []
        answer: list[bytes] = []
        status = 0

        async def receiving() -> Message:
            message = await receive()
            request.append(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            answer.append(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                # Before the end is sent: whoever has the answer finds what was noted of it.
                self.exchanges += 1
                found = self._look(scope, b"".join(request), status, b"".join(answer))
                self.wrong += [f"{scope['method']} {scope['path']} ({status}) {each}" for each in found]
            await send(message)

        await self._app(scope, receiving, sending)

    def _look(self, scope: Scope, request: bytes, status: int, answer: bytes) -> list[str]:
        operation = _description()["paths"].get(scope["path"], {}).get(scope["method"].lower())
        if operation is None:
            return [] if status in (404, 405) else ["is not described"]
        if status == 401:
            return []
        found = _wrong_with_query(operation, scope["query_string"].decode())
        if body := operation.get("requestBody"):
            found += [f"request: {each}" for each in wrong_with(json.loads(request), body["content"])]
        described = operation["responses"].get(str(status)) or operation["responses"].get(f"{status // 100}XX", {})
        if "content" in described:
            found += [f"answer: {each}" for each in wrong_with(json.loads(answer), described["content"])]
        return found


def _wrong_with_query(operation: dict[str, Any], query: str) -> list[str]:
    given = parse_qs(query, keep_blank_values=True)
    known = {entry["name"]: entry for entry in operation.get("parameters", [])}
    found = [f"query: {name} is not described" for name in given.keys() - known.keys()]
    for name, entry in known.items():
        values = given.get(name, [])
        if entry["required"] and not values:
            found.append(f"query: {name} is missing")
        if entry["schema"]["type"] != "array" and len(values) > 1:
            found.append(f"query: {name} is there {len(values)} times")
    return found
