"""Holds requests and answers against Amazon's own API descriptions (Swagger 2.0), which lie beside the repository.

They are looked for in the folder that ``CHANSYNC_SHARED`` names, else in `shared` beside the repository.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft4Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from chansync.demo.amazon.server import Served

FOLDER = Path(os.environ.get("CHANSYNC_SHARED") or Path(__file__).parents[3] / "shared") / "amazon-sp-api"
FILES = (
    "orders_2026-01-01",
    "ordersV0",
    "listingsItems_2021-08-01",
    "feeds_2021-06-30",
    "reports_2021-06-30",
    "sellers",
)

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date-time")
def _is_moment(value: object) -> bool:
    if not isinstance(value, str):
        return True
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Described:
    """An operation as its description has it."""

    name: str
    method: str
    template: str
    definition: dict[str, Any]
    document: dict[str, Any]

    @property
    def pattern(self) -> str:
        """A regular expression for its paths."""
        return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.template))

    def parameters(self, place: str) -> dict[str, dict[str, Any]]:
        """Its parameters in the path, the query or the body."""
        return {entry["name"]: entry for entry in self.definition.get("parameters", []) if entry["in"] == place}


@cache
def operations(strict: bool = True) -> tuple[Described, ...]:
    """All operations of the files. Strictly, an object has only the fields that its description lists."""
    return tuple(found for name in FILES for found in _of_file(name, strict))


def _of_file(name: str, strict: bool) -> Iterator[Described]:
    document = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    if strict:
        document["definitions"] = _closed(document["definitions"])
    for template, methods in document["paths"].items():
        for method, definition in methods.items():
            if method != "parameters":
                yield Described(definition["operationId"], method.upper(), template, definition, document)


def _closed(schema: Any) -> Any:
    """The schema with every object closed that lists its properties and says nothing of others."""
    if isinstance(schema, list):
        return [_closed(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _closed(value) for name, value in schema.items()}
    if isinstance(found.get("properties"), dict) and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


def wrong_with(value: Any, schema: dict[str, Any], document: dict[str, Any], place: str) -> list[str]:
    """What of a value does not fit a schema; references go to the description."""
    resource = Resource.from_contents({"definitions": document["definitions"]}, default_specification=DRAFT4)
    registry = Registry().with_resource("urn:description", resource)
    rooted = _rooted(copy.deepcopy(schema))
    validator = Draft4Validator(rooted, registry=registry, format_checker=_FORMATS)
    return [f"{place}{error.json_path[1:]}: {error.message:.200}" for error in validator.iter_errors(value)]


def _rooted(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_rooted(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _rooted(value) for name, value in schema.items()}
    if isinstance(found.get("$ref"), str) and found["$ref"].startswith("#"):
        found["$ref"] = f"urn:description{found['$ref']}"
    return found


def wrong_with_parameter(described: Described, place: str, name: str, value: Any) -> list[str]:
    """What of one parameter's value (as JSON would have it) does not fit its description."""
    entry = described.parameters(place).get(name)
    if entry is None:
        return [f"{described.name} has no parameter {name} in the {place}"]
    schema = entry["schema"] if place == "body" else {key: entry[key] for key in entry if key not in _NOT_SCHEMA}
    return wrong_with(value, schema, described.document, f"{described.name} {name}")


_NOT_SCHEMA = ("name", "in", "required", "description", "collectionFormat")


def wrong_with_request(method: str, path: str, query: str, body: bytes) -> list[str]:
    """What of a request does not fit the descriptions; none of them having its operation is wrong too."""
    found = [(one, re.fullmatch(one.pattern, path)) for one in operations() if one.method == method]
    matches = [(one, match) for one, match in found if match]
    if not matches:
        return [f"no description has {method} {path}"]
    described, match = matches[0]
    wrong = []
    for name, text in match.groupdict().items():
        wrong += wrong_with_parameter(described, "path", name, unquote(text))
    given: dict[str, list[str]] = {}
    for name, text in parse_qsl(query, keep_blank_values=True):
        given.setdefault(name, []).append(text)
    wrong += [f"{name} is repeated" for name, texts in given.items() if len(texts) > 1]
    for name, texts in given.items():
        entry = described.parameters("query").get(name, {})
        wrong += wrong_with_parameter(described, "query", name, _typed(entry, texts[0]))
    needed = [name for name, entry in described.parameters("query").items() if entry.get("required")]
    wrong += [f"{described.name} needs {name}" for name in needed if name not in given]
    for name in described.parameters("body"):
        try:
            wrong += wrong_with_parameter(described, "body", name, json.loads(body))
        except ValueError:
            wrong.append(f"the body of {described.name} is not JSON")
    if body and not described.parameters("body"):
        wrong.append(f"{described.name} has no body")
    return wrong


def _typed(entry: dict[str, Any], text: str) -> Any:
    """The value of a query parameter by its type; what cannot be read stays text, which its schema then refuses."""
    if entry.get("type") == "array":
        # The default of Swagger 2.0, and what every parameter here that says something says.
        assert entry.get("collectionFormat", "csv") == "csv"
        return [_typed(entry["items"], part) for part in text.split(",")]
    if entry.get("type") == "integer" and re.fullmatch(r"-?\d+", text):
        return int(text)
    if entry.get("type") == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def wrong_with_answer(served: Served) -> list[str]:
    """What of an answer does not fit the description of its operation."""
    described = next(one for one in operations() if one.name == served.operation)
    response = described.definition["responses"].get(str(served.status))
    if response is None:
        return [f"{described.name} never answers {served.status}"]
    wrong = []
    if "x-amzn-requestid" not in served.answer_headers:
        wrong.append("the answer has no x-amzn-RequestId")
    limit = "x-amzn-ratelimit-limit" in served.answer_headers
    declared = {name.lower() for name in response.get("headers", {})}
    if limit and "x-amzn-ratelimit-limit" not in declared:
        wrong.append(f"{served.status} tells no x-amzn-RateLimit-Limit")
    if "schema" not in response:
        return [*wrong, *(["the answer has a body"] if served.answer else [])]
    return wrong + wrong_with(json.loads(served.answer), response["schema"], described.document, described.name)
