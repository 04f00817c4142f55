"""Documents that Amazon names: fetched where Amazon keeps them, and nowhere else in the network."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from chansync.demo.amazon import AmazonServer
from chansync.http.client import Content
from chansync.http.failures import Answer
from chansync.model.errors import SiteUnavailable
from chansync.platforms.amazon.client import SpApi
from chansync.platforms.system import SystemSettings
from support.amazon import login_form


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another server of this machine, as a cloud has one for its own secrets; what it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_PUT = do_GET

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_a_document_elsewhere_is_neither_fetched_nor_sent(
    server: AmazonServer, elsewhere: tuple[str, list[str]]
) -> None:
    address, asked = elsewhere
    form = login_form(server)
    values = {name: form[name] for name in ("client_id", "client_secret", "refresh_token")}

    async def all_of_them() -> None:
        api = SpApi(SystemSettings("acct", values | {"region": server.url}, object()))  # type: ignore[arg-type]
        try:
            for url in (
                f"{address}/latest/meta-data", "http://169.254.169.254/latest/meta-data", "https://evil.example/x",
                "https://evilamazonaws.com/x", "https://s3.amazonaws.com:8443/x", "http://s3.amazonaws.com/x",
                "file:///etc/passwd", "https://user@evil.example/?.amazonaws.com", "", "https://[",
            ):  # fmt: skip
                with pytest.raises(SiteUnavailable, match="in a place that is not its own"):
                    await api.document(Answer(200, httpx.Headers(), {"url": url}))
                with pytest.raises(SiteUnavailable, match="in a place that is not its own"):
                    await api.upload(url, Content(json.dumps({}).encode(), "application/json"))
        finally:
            await api.aclose()

    asyncio.run(all_of_them())
    assert asked == []
