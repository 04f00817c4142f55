"""The recording of the fast tests, held against a real trytond."""

from __future__ import annotations

import pytest

from chansync.demo.tryton.server import running
from support import recorded_sales, recordings, tryton

pytestmark = [pytest.mark.tryton, pytest.mark.long]


def test_tryton_still_answers_as_was_recorded(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tryton.restored(tmp_path_factory.mktemp("recording"))) as trytond:
        calls = recorded_sales.record(trytond)
    recorded = recorded_sales.load()
    assert [call["method"] for call in calls] == [call["method"] for call in recorded]
    for now, then in zip(calls, recorded, strict=True):
        assert recordings.shape(now) == recordings.shape(then), now["method"]
