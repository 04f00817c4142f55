"""What a real trytond answered: recorded by a proxy before it, played by a server in its place.

A recording is JSON: calls with their parameters and answers, in order, without password and session. Days and times are
those of the recording: ``shape`` says what has to be alike in spite of them.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Call = dict[str, Any]

_LOGIN = "common.db.login"

#: What changes with each recording, by the names of fields.
_VARIES = frozenset({"create_date", "last_modified_at"})


@contextmanager
def recording(url: str) -> Iterator[tuple[str, list[Call]]]:
    """A proxy before the trytond of that URL: its own URL, and the calls that went through it."""
    calls: list[Call] = []

    def answer(path: str, authorization: str, body: bytes) -> bytes:
        headers = {"Content-Type": "application/json", "Authorization": authorization}
        answered = httpx.post(f"{url}{path}", content=body, headers=headers, timeout=120)
        asked, told = json.loads(body), answered.json()
        method, params = asked["method"], asked["params"]
        if method == _LOGIN:
            params, told = [params[0], {"password": "secret"}, params[2]], {"result": [told["result"][0], "session"]}
        call = {"method": method, "params": params} | {name: told[name] for name in ("result", "error") if name in told}
        if isinstance(shown := call.get("result"), dict) and "view" in shown:
            # How a form looks is long, and nothing that is read.
            shown["view"].pop("fields_view", None)
        if "error" in call:
            # Behind the first of what is said there may be a traceback, with paths.
            call["error"] = [call["error"][0], call["error"][1][:2]]
        calls.append(call)
        return answered.content

    with _server(answer) as own:
        yield own, calls


@contextmanager
def playing(calls: list[Call]) -> Iterator[tuple[str, list[Call]]]:
    """A server that answers as recorded, in order: its URL, and what it was asked."""
    asked: list[Call] = []

    def answer(_: str, __: str, body: bytes) -> bytes:
        call = json.loads(body)
        asked.append({"method": call["method"], "params": call["params"]})
        if len(asked) > len(calls) or calls[len(asked) - 1]["method"] != call["method"]:
            return json.dumps({"error": [f"not in the recording: {call['method']}, call {len(asked)}", ""]}).encode()
        recorded = calls[len(asked) - 1]
        return json.dumps({name: recorded[name] for name in ("result", "error") if name in recorded}).encode()

    with _server(answer) as own:
        yield own, asked


@contextmanager
def _server(answer: Any) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told = answer(self.path, self.headers.get("Authorization", ""), body)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def shape(value: Any) -> Any:
    """A value without days, times and ids: what two recordings of the same have in common."""
    if isinstance(value, dict):
        if "date" in str(value.get("__class__", "")):
            return value["__class__"]
        return {name: _kind(each) if name in _VARIES else shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value]
    if isinstance(value, str):
        return _text(value)
    return "id" if type(value) is int else value


def _kind(value: Any) -> str:
    return type(value).__name__


def _text(value: str) -> str:
    # A reference: "sale.sale,12".
    model, comma, own = value.partition(",")
    return f"{model},id" if comma and own.isdigit() else value
