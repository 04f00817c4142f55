"""The description of the HTTP protocol: it is what the dataclasses say, and a valid OpenAPI document."""

from __future__ import annotations

import json

from chansync.erp.http import openapi
from chansync.model.wire import STEPS


def test_the_file_is_made_from_the_dataclasses() -> None:
    assert openapi.FILE.read_text(encoding="utf-8") == openapi.as_text(), "run make docs: openapi.json is out of date"


def test_it_is_a_valid_description() -> None:
    # Imported here: every worker imports this file, and these take a quarter of a second.
    from openapi_spec_validator import validate

    validate(json.loads(openapi.FILE.read_text(encoding="utf-8")))


def test_every_step_and_every_field_is_described() -> None:
    schemas = openapi.document()["components"]["schemas"]
    assert set(schemas["Step"]["discriminator"]["mapping"]) == set(STEPS)
    assert {name for name, schema in schemas.items() if not schema.get("description")} == set()
    # Nothing in it points into our source.
    assert "chansync." not in json.dumps(schemas).replace("chansync.<", "").replace("chansync.json", "")
