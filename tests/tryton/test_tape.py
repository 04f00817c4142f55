"""The tape of the fast tests, held against a real trytond."""

from __future__ import annotations

import pytest

from chansync.demo.tryton.server import running
from support import tape, taped_sales, tryton

pytestmark = [pytest.mark.tryton, pytest.mark.long]


def test_tryton_still_answers_as_on_the_tape(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tryton.restored(tmp_path_factory.mktemp("tape"))) as trytond:
        calls = taped_sales.record(trytond)
    taped = taped_sales.load()
    assert [call["method"] for call in calls] == [call["method"] for call in taped]
    for now, then in zip(calls, taped, strict=True):
        assert tape.shape(now) == tape.shape(then), now["method"]
