"""Signed requests as a WooCommerce client sends them over plain HTTP: OAuth 1.0a, one-legged, in the query string."""

from __future__ import annotations

from types import TracebackType
from typing import Any
from urllib.parse import urlencode

import httpx
import oauthlib.oauth1

from support.patience import PATIENCE


class Client:
    """Sends signed requests to a store."""

    def __init__(
        self, url: str, key: str, secret: str, method: str = "HMAC-SHA256", place: str = "QUERY", **options: Any
    ) -> None:
        self.url = url
        self.auth = oauthlib.oauth1.Client(
            key, client_secret=secret, signature_method=method, signature_type=place.replace("HEADER", "AUTH_HEADER")
        )
        self._http = httpx.Client(trust_env=False, **{"timeout": PATIENCE} | options)

    def send(self, request: dict[str, Any]) -> httpx.Response:
        """Send a request in the form in which recordings keep it."""
        return self.call(request["method"], request["path"], request["params"], request["json"])

    def call(self, method: str, path: str, params: dict[str, Any] | None = None, body: Any = None) -> httpx.Response:
        """Sign and send; `path` begins at the root of the server."""
        query = f"?{urlencode(params)}" if params else ""
        uri, headers, _ = self.auth.sign(f"{self.url}{path}{query}", method)
        return self._http.request(method, uri, headers=headers, json=body)

    def get(self, route: str, **params: Any) -> httpx.Response:
        """GET a route below `/wp-json/wc/v3/`."""
        return self.call("GET", f"/wp-json/wc/v3/{route}", params)

    def put(self, route: str, body: Any) -> httpx.Response:
        """PUT."""
        return self.call("PUT", f"/wp-json/wc/v3/{route}", None, body)

    def post(self, route: str, body: Any) -> httpx.Response:
        """POST."""
        return self.call("POST", f"/wp-json/wc/v3/{route}", None, body)

    def delete(self, route: str, **params: Any) -> httpx.Response:
        """DELETE."""
        return self.call("DELETE", f"/wp-json/wc/v3/{route}", params)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()
