"""A request to the API and its answer, apart from HTTP, and the table row that says what an operation demands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chansync.demo.amazon.checks import Check, Param
from chansync.demo.amazon.errors import ApiError
from chansync.demo.amazon.seller import Seller


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked: the parts of the path, the query as read, the JSON body, and the address for links."""

    seller: Seller
    path: tuple[str, ...]
    query: Mapping[str, Any]
    body: Any
    base: str


@dataclass(slots=True)
class Answer:
    """What is answered."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API.

    Attributes:
        path: a regular expression whose groups are the parts of the path.
        rate, burst: the usual plan, in calls a second.
        role: what the application must be allowed to do.
        body: how the body must look; None: there is none.
    """

    name: str
    method: str
    path: str
    rate: float
    burst: int
    role: str
    handler: Handler
    params: tuple[Param, ...] = ()
    body: Check | None = None


def reply(value: Any, status: int = 200) -> Answer:
    """An answer of one object."""
    return Answer(json.dumps(value, ensure_ascii=False).encode(), status)


def failure(error: ApiError) -> Answer:
    """The answer for a refusal."""
    return reply(error.body, error.status)
