"""A request to the REST API and its answer, apart from HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chansync.demo.woocommerce import phpjson
from chansync.demo.woocommerce.errors import RestError
from chansync.demo.woocommerce.params import Checker, Params, page_link
from chansync.demo.woocommerce.shop import DemoShop


@dataclass(frozen=True, slots=True)
class Call:
    """What is asked: the numbers in the route, the query, the JSON body, and the address for links."""

    shop: DemoShop
    method: str
    route: str
    numbers: tuple[int, ...]
    params: Params
    body: Any
    base: str

    @property
    def fields(self) -> str:
        """The `_fields` parameter."""
        return str(self.params.get("_fields", ""))


@dataclass(slots=True)
class Answer:
    """What is answered; `rows` is the size of a list, by which a slow store takes its time."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    rows: int = 0


Handler = Callable[[Call], Answer]


def reply(call: Call, value: Any, status: int = 200) -> Answer:
    """An answer of one object, or of a list without pages."""
    tree = phpjson.field_tree(call.fields)
    shown = [phpjson.pick(row, tree) for row in value] if isinstance(value, list) else phpjson.pick(value, tree)
    return Answer(phpjson.dumps(shown), status)


def whole_list(call: Call, rows: list[Any]) -> Answer:
    """A list that always fits one page."""
    answer = reply(call, rows)
    answer.headers = {"x-wp-total": str(len(rows)), "x-wp-totalpages": "1" if rows else "0"}
    return answer


def failure(error: RestError) -> Answer:
    """The answer for a refusal."""
    return Answer(phpjson.dumps(error.body), error.status)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list is wanted."""

    size: int
    number: int
    offset: int

    @classmethod
    def of(cls, checker: Checker) -> Page:
        """From `per_page`, `page` and `offset`; an offset wins over the page."""
        size = checker.number("per_page", 10, 1, 100)
        number = checker.number("page", 1, 1)
        return cls(size, number, checker.number("offset", (number - 1) * size, 0))

    def cut(self, rows: list[Any]) -> list[Any]:
        """The rows of the page."""
        return rows[self.offset : self.offset + self.size]

    def headers(self, call: Call, total: int, added: Params) -> dict[str, str]:
        """Totals, and the links to the pages before and after this one."""
        pages = -(-total // self.size)
        found = {"x-wp-total": str(total), "x-wp-totalpages": str(pages)}
        links = []
        if self.number > 1:
            links.append(page_link(call.base, call.params, added, min(self.number - 1, pages), "prev"))
        if self.number < pages:
            links.append(page_link(call.base, call.params, added, self.number + 1, "next"))
        return {**found, "link": ", ".join(links)} if links else found


def run_batch(
    body: Any, create: Callable[[Any], Any] | None, update: Callable[[Any], Any], delete: Callable[[Any], Any] | None
) -> dict[str, list[Any]]:
    """A batch: every entry is done by itself and has its own result or error. More than 100 are refused."""
    entries = body if isinstance(body, dict) else {}
    if sum(len(entries.get(name, ())) for name in ("create", "update", "delete")) > 100:
        message = "Unable to accept more than 100 items for this request."
        raise RestError(413, "woocommerce_rest_request_entity_too_large", message)
    done: dict[str, list[Any]] = {}
    for name, action in (("create", create), ("update", update), ("delete", delete)):
        if entries.get(name) and action is not None:
            done[name] = [_entry(action, entry) for entry in entries[name]]
    return done


def _entry(action: Callable[[Any], Any], entry: Any) -> Any:
    try:
        return action(entry)
    except RestError as error:
        entry_id = entry.get("id", 0) if isinstance(entry, dict) else entry
        return {"id": entry_id, "error": error.body}
