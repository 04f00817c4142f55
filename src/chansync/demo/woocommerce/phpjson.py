"""JSON exactly as PHP writes it, and the `_fields` parameter as WordPress applies it."""

from __future__ import annotations

import json
from typing import Any


def number(value: float) -> float | int:
    """PHP writes the float 19.0 as 19."""
    return int(value) if value.is_integer() else value


def dumps(value: Any) -> bytes:
    """The bytes of PHP's `json_encode`: no blanks, `\\uXXXX` for everything outside ASCII, slashes escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True)
    return text.replace("/", "\\/").encode("ascii")


def field_tree(fields: str) -> dict[str, Any]:
    """`id,billing.email` as `{"id": {}, "billing": {"email": {}}}`; a parent named alone wins over its parts."""
    tree: dict[str, Any] = {}
    for field in fields.replace(" ", ",").split(","):
        if field:
            _plant(tree, field.split("."))
    return tree


def _plant(tree: dict[str, Any], parts: list[str]) -> None:
    head, rest = parts[0], parts[1:]
    if not rest:
        tree[head] = {}
    elif head not in tree:
        tree[head] = {}
        _plant(tree[head], rest)
    elif tree[head]:
        _plant(tree[head], rest)


def pick(value: Any, tree: dict[str, Any]) -> Any:
    """The parts of `value` that `_fields` asks for, in the order in which the object has them.

    WordPress descends by keys only, so that `line_items.sku` finds nothing inside a list and leaves it empty.
    """
    if not tree:
        return value
    if isinstance(value, list):
        return []
    if not isinstance(value, dict):
        return value
    return {key: pick(item, tree[key]) for key, item in value.items() if key in tree}
