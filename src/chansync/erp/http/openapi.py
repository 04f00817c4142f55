"""Makes ``openapi.json``, the description of the HTTP protocol, from the dataclasses: ``make docs``.

A test holds that the file is what this makes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import msgspec

from chansync.erp import remote
from chansync.erp.http import wire_format
from chansync.erp.http.wire_format import HEADER, LARGEST_NUMBER, MAX_AGE, signature
from chansync.model import order, sale, steps
from chansync.model.wire import STEPS

FILE = Path(__file__).with_name("openapi.json")

_REF = "#/components/schemas/"
#: The protocol's own version: raised where an ERP has to be changed.
_VERSION = "1"

_ABOUT = """\
What chansync asks of an ERP of your own. All bodies are JSON in UTF-8. Amounts are whole numbers of the currency's
minor unit (cents), times are UTC milliseconds since 1970, days are `YYYY-MM-DD`, quantities are decimal text. Fields
with a default may be left out; fields that you do not know are to be ignored.

Every request may come twice, because an answer was lost or a process died. A sale is recorded once for its `key`, a
refund once for its `refund_id`, and every other step says what shall be so afterwards: what is so already is left
alone, and `changed` is false.

An answer that is not 2xx says that nothing of the request was done. 401: the token is wrong. 403: its user may not.
400, 404, 409, 422: a person must change something first. 429 and 503, with `Retry-After` if you like: later. What
cannot be done with one sale alone is no such answer: its result says so, and the other sales go on. Answer within
30 seconds, and let nothing that takes longer than 60 change anything.
"""


_EXAMPLE = ("secret", 1790000000, "GET", "/changes?cursor=7", b"")
_SIGNATURE = f"""\
Instead of the token, where requests are signed: `TIME,HEX`. TIME is the time of the request in UTC seconds, HEX the
HMAC-SHA256 (keyed with the token, in lower case) of TIME, the method, the path below the address that is connected
with its query as it is sent, and the body, with a line feed after each of the first three. Refuse with 401 what is
signed more than {MAX_AGE} seconds from your own time. With the token `secret`, `GET /changes?cursor=7` at 1790000000 is
signed `{signature(*_EXAMPLE)}`.
"""

_REASONS = ", ".join(f"`{word}` ({what})" for word, what in steps.CANCEL_REASONS.items())

#: Fields of which the docstring says where chansync has them, for those who do not see its source.
_FIELDS: dict[tuple[str, str], str] = {
    ("ReferenceRow", "kind"): "`pos`, `warehouse`, `user`, `sale-type`, `customer-type`, `document-type`, "
    "`payment-method`, `delivery-method`, `tax-transaction`, `service` or `item`.",
    ("ReferenceRow", "code"): "Unique in its kind; of payment and delivery methods, in its POS.",
    ("ReferenceRow", "data"): "What else belongs to the kind. Of a POS: `warehouse` (a code) and `currencies` (a list "
    "of codes). Of a tax transaction: `rate` in percent, as text. Of a user: `email`.",
    ("Cancel", "reason"): f"Why: {_REASONS}; or empty.",
    ("SaleView", "cancel_reason"): f"{_REASONS}; empty where it is not cancelled, or nobody said why.",
    ("ErpIdentity", "lacks"): "What this ERP cannot do, each with the reason as a sentence for people: "
    f"{', '.join(f'`{each}`' for each in remote.ErpCapability if each != 'admin')}. Channels then do not ask for it.",
    ("StepResult", "code"): "Why it was refused; empty where it is done. `not_tried`: a step that it needs was. "
    "`not_possible`: the sale's state does not allow it, or this ERP cannot do it. `item_unknown`, `number_taken`, "
    "`no_document` (a payment needs one), `document_type_missing`, `missing_stock`: as their names say.",
}


def document() -> dict[str, Any]:
    """The description, as OpenAPI 3.1 has it."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "An ERP for chansync", "version": _VERSION, "description": _ABOUT},
        "servers": [{"url": "https://erp.example.com/chansync", "description": "The address that is connected."}],
        "security": [{"token": []}, {"signature": []}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The token itself, where it is sent along.",
                },
                "signature": {"type": "apiKey", "in": "header", "name": HEADER, "description": _SIGNATURE},
            },
            "schemas": _schemas(),
        },
    }


def as_text() -> str:
    """The text of the file."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _paths() -> dict[str, Any]:
    warehouses = _parameter("warehouse", "Codes of warehouses.", of={"type": "array", "items": {"type": "string"}})
    items = _parameter(
        "item", "Codes of items; none: all of them.", of={"type": "array", "items": {"type": "string"}}, required=False
    )
    return {
        "/check": _operation("Say who you are, and what is missing for sales to be recorded.", remote.ErpIdentity),
        "/reference": _operation(
            "The reference data: POSs, warehouses, methods, types, services and items; all of them, or what has "
            "changed since the cursor.",
            wire_format.ReferenceAnswer,
            parameters=[_cursor("all of the data are told")],
        ),
        "/items": _operation(
            "The items and services with one of these SKUs or GTINs. Asked when an order has one that the reference "
            "data do not.",
            wire_format.ItemsAnswer,
            wire_format.ItemsRequest,
        ),
        "/steps": _operation(
            "Carry out steps with sales, at most 20 of them: each step whole or not at all, in their order, and all of "
            "a sale's before the answer. A step that is refused stops those of the sale that need it (`needs`); where "
            "`record` is refused, all others.",
            wire_format.StepsAnswer,
            wire_format.StepsRequest,
        ),
        "/views": _operation(
            "The sales of these keys, as they are now.", wire_format.ViewsAnswer, wire_format.ViewsRequest
        ),
        "/changes": _operation(
            "What has changed since the cursor, whoever changed it. A change may be told again, but is never left out: "
            "mind transactions that commit late.",
            wire_format.ChangesAnswer,
            parameters=[_cursor("nothing is told but the cursor to begin with")],
        ),
        "/stock": _operation(
            "Pieces on hand that are not reserved, summed over the warehouses.",
            wire_format.StockAnswer,
            parameters=[warehouses, items],
        ),
    }


def _cursor(words: str) -> dict[str, Any]:
    return _parameter("cursor", f"The cursor of the last answer; empty at first, where {words}.", of={"type": "string"})


def _parameter(name: str, about: str, *, of: dict[str, Any], required: bool = True) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "description": about, "schema": of}


def _operation(about: str, answer: type, body: type | None = None, **more: Any) -> dict[str, Any]:
    """A request with a body is a POST, one without a GET."""
    # For generated clients and servers; the answers are named after it.
    name = "check" if answer is remote.ErpIdentity else answer.__name__.removesuffix("Answer").lower()
    made: dict[str, Any] = {"operationId": name, "summary": about.split(".")[0] + ".", "description": about} | more
    if body is not None:
        made["requestBody"] = {"required": True, "content": _content(body)}
    refusal = {"description": "Nothing of it was done.", "content": _content(wire_format.Refusal)}
    made["responses"] = {
        "200": {"description": (answer.__doc__ or "").split("\n")[0], "content": _content(answer)},
        "4XX": refusal,
        "5XX": {"description": "It cannot be done now: it is asked again later."},
    }
    return {"get" if body is None else "post": made}


def _content(kind: type) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF + kind.__name__}}}


def _schemas() -> dict[str, Any]:
    bodies = [kind for kind in vars(wire_format).values() if is_dataclass(kind) and isinstance(kind, type)]
    _, found = msgspec.json.schema_components(
        [*bodies, remote.ErpIdentity, *STEPS.values()], ref_template=_REF + "{name}"
    )
    documented = _classes((wire_format, remote, order, sale, steps))
    for name, schema in found.items():
        if name in documented:
            _describe(schema, documented[name])
    for (name, field), text in _FIELDS.items():
        found[name]["properties"][field]["description"] = text
    # It is chansync's own word for a step that no ERP has answered.
    del found["StepResult"]["properties"]["waiting"]
    for word, kind in STEPS.items():
        _name_step(found[kind.__name__], word)
    names = {word: _REF + kind.__name__ for word, kind in STEPS.items()}
    found["Step"] = {
        "description": "One step with a sale; `step` says which.",
        "oneOf": [{"$ref": ref} for ref in names.values()],
        "discriminator": {"propertyName": "step", "mapping": names},
    }
    found["Finding"]["properties"]["word"]["enum"] = ["ok", "warn", "bad"]
    return {name: _bounded(schema) for name, schema in sorted(found.items())}


def _name_step(schema: dict[str, Any], word: str) -> None:
    """Add what ``wire_format.steps_request`` says of every step."""
    own = {
        "step": {"const": word},
        "key": {"type": "string", "description": "The step's key; its result has it too."},
        "needs": {
            "type": "array",
            "items": {"type": "string"},
            "description": "The steps without which this one is not to be tried, where they come before it and were "
            "refused: its result then has the code `not_tried`.",
        },
    }
    schema["properties"] = own | schema.get("properties", {})
    schema["required"] = [*own, *schema.get("required", [])]


def _classes(modules: Iterable[Any]) -> dict[str, type]:
    return {name: kind for module in modules for name, kind in vars(module).items() if isinstance(kind, type)}


def _describe(schema: dict[str, Any], kind: type) -> None:
    """Take over the docstring: what is above ``Attributes:`` for the whole, and each attribute's part for its field."""
    about, _, attributes = (kind.__doc__ or "").partition("Attributes:")
    schema["description"] = _markdown(about)
    for names, text in re.findall(r"^ {8}(\w[\w, ]*): (.+(?:\n {12}.+)*)", attributes, re.MULTILINE):
        for name in names.split(", "):
            field = schema.get("properties", {}).get(name)
            if field is not None:
                told = _markdown(text)
                field["description"] = " ".join(filter(None, (field.get("description"), told[0].upper() + told[1:])))


def _markdown(text: str) -> str:
    return " ".join(re.sub(r" ?\(`steps\.\w+\.restock`\)", "", text.replace("``", "`")).split())


def _bounded(schema: Any) -> Any:
    """The schema with a largest size for every whole number."""
    if isinstance(schema, list):
        return [_bounded(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _bounded(value) for name, value in schema.items()}
    if made.get("type") == "integer":
        made |= {"format": "int64", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
    return made
