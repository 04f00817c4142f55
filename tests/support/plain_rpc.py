"""Tryton read by nothing but the standard library, by whoever compares: no line of the connector is in between."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Sequence
from decimal import Decimal
from typing import Any


class PlainRpc:
    """A session of a user in a database of the server at ``url``."""

    def __init__(self, url: str, database: str, user: str, password: str) -> None:
        self._url = f"{url}/{database}/rpc/"
        self._headers = {"Content-Type": "application/json"}
        user_id, token, *_ = self._call("common.db.login", user, {"password": password}, "en")
        session = base64.b64encode(f"{user}:{user_id}:{token}".encode()).decode()
        self._headers["Authorization"] = f"Session {session}"
        self._context = self._call("model.res.user.get_preferences", True, {})

    def read(self, model: str, domain: Sequence[Any], *fields: str) -> list[dict[str, Any]]:
        """Those fields of all records that the domain matches."""
        rows: list[dict[str, Any]] = self._call(
            f"model.{model}.search_read", domain, 0, None, None, fields, self._context
        )
        return rows

    def _call(self, method: str, *params: Any) -> Any:
        body = json.dumps({"id": 1, "method": method, "params": params}).encode()
        with urllib.request.urlopen(urllib.request.Request(self._url, body, self._headers)) as answer:
            told = json.loads(answer.read(), object_hook=_value)
        assert "error" not in told, told["error"]
        return told["result"]


def _value(told: dict[str, Any]) -> Any:
    return Decimal(told["decimal"]) if told.get("__class__") == "Decimal" else told
