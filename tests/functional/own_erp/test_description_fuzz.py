"""Whatever the description allows, the example answers as the description says, and never with an error of its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from chansync.erp.http import openapi
from support.own_erp import TOKEN, OwnErp

OPERATIONS = sorted(openapi.document()["paths"])


@pytest.mark.long
@pytest.mark.parametrize("path", OPERATIONS)
def test_the_example_answers_as_described(path: str, server: OwnErp) -> None:
    # Imported here: collecting the tests imports this file in every worker, and these take a second.
    import schemathesis
    from schemathesis.checks import not_a_server_error
    from schemathesis.specs.openapi import checks as openapi_checks

    checks = [
        not_a_server_error,
        openapi_checks.response_schema_conformance,
        openapi_checks.status_code_conformance,
        openapi_checks.content_type_conformance,
    ]
    schema = schemathesis.openapi.from_dict(json.loads(openapi.FILE.read_text(encoding="utf-8")))
    [operation] = [found.ok() for found in schema.include(path=path).get_all_operations()]
    answered = 0

    @settings(
        max_examples=40, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        nonlocal answered
        response = case.call(base_url=server.url, headers={"Authorization": f"Bearer {TOKEN}"})
        case.validate_response(response, checks=checks)
        answered += response.status_code == 200

    ask()
    assert answered
    # Fields that nobody knows are allowed, and chansync sends none: that is what the judge of all other tests holds.
    server.judge.wrong.clear()
