"""Every case of this folder comes out right, and the runner tells right, wrong and broken apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cases import __main__ as program
from cases import play as playing
from cases.play import play

FOLDER = Path(__file__).parent
CASES = sorted(FOLDER.glob("*.json"))

ORDER = {"total": "0.00", "line_items": []}


def put_and(*steps: Any, **rest: Any) -> dict[str, Any]:
    return {"case": "made-up", "steps": [{"put": ORDER}, *steps], "look": "SELECT 1", "right_when": "1"} | rest


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_case(file: Path, tmp_path: Path) -> None:
    outcome = play(file, tmp_path)
    assert outcome.is_right, f"{outcome}\nright is: {json.loads(file.read_text('utf-8')).get('what_is_right')}"


@pytest.mark.parametrize(
    ("case", "verdict", "seen"),
    [
        (put_and(right_when="(SELECT count(*) FROM erp_item WHERE code = 'SKU-001') = 1"), "RIGHT", "1"),
        (put_and(right_when="0", look="SELECT 'both', NULL"), "WRONG", "both NULL"),
        (put_and(right_when="NULL"), "WRONG", "1"),
        (put_and({"cli": ["map", "item", "demo", "1=NOTHING"]}, right_output="NOTHING"), "RIGHT", "NOTHING"),
        (put_and(right_when="1", site_stock="SKU-001", right_stock=3), "WRONG", "SKU-001 on the site: 1000"),
        (put_and({"teleport": "a"}), "BROKEN", "unknown step"),
        (put_and({"change": "b", "order": {}}), "BROKEN", "there is no order 'b'"),
        (put_and({"sync": "everything"}), "BROKEN", "everything"),
        (put_and(right_when="(SELECT nothing FROM nowhere)"), "BROKEN", "nowhere"),
        (put_and(look="DELETE FROM erp_item"), "BROKEN", "readonly"),
        (put_and(setup={"channel": ["no_such_field=1"]}), "BROKEN", "no_such_field"),
        (put_and(platform="bazaar"), "BROKEN", "bazaar"),
        (put_and(right_when='(SELECT sale_id FROM "order") = 1'), "WRONG", "1"),
        (put_and({"cli": "status"}), "BROKEN", 'cli cannot be "status"'),
        (put_and({"put": "nothing"}), "BROKEN", 'put cannot be "nothing"'),
        (put_and({"site_sku": {"NONE": "X"}}), "BROKEN", "the step"),
        (put_and("sync"), "BROKEN", "no object"),
        (put_and(right_stock=3), "BROKEN", "site_stock"),
        (put_and(setup={"channel": "used=yes"}), "BROKEN", "channel cannot be"),
        (put_and(setup={"currency": "ABC"}), "BROKEN", "no currency"),
        (put_and(setup={"codes": ["moon"]}, platform="amazon"), "BROKEN", "no marketplace MOON"),
        ({"right_when": "1"}, "BROKEN", "steps are no list"),
        ({"steps": []}, "BROKEN", "what is right"),
        ([], "BROKEN", "no JSON object"),
        ("{", "BROKEN", "no JSON object"),
    ],
)
def test_verdicts(tmp_path: Path, case: Any, verdict: str, seen: str) -> None:
    file = tmp_path / "case.json"
    file.write_text(json.dumps(case))
    folder = tmp_path / "played"
    folder.mkdir()
    outcome = play(file, folder)
    assert (outcome.verdict, seen in str(outcome)) == (verdict, True), outcome


def test_a_name_that_the_schema_has_no_more_is_read_through_a_view(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = {
        "product": "SELECT code AS sku FROM erp_item",
        "erp_item": "SELECT id, code, name AS title FROM main.erp_item",
    }
    monkeypatch.setattr(playing, "VIEWS", views)
    file = tmp_path / "case.json"
    file.write_text(json.dumps(put_and(look="SELECT title FROM erp_item WHERE code = (SELECT min(sku) FROM product)")))
    folder = tmp_path / "played"
    folder.mkdir()
    assert play(file, folder).seen == "Fee"


def test_the_command_prints_a_line_a_file_and_fails_where_any_is_not_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.json").write_text("not JSON")
    missing, bad, good = tmp_path / "missing.json", tmp_path / "bad.json", FOLDER / "refund-deleted-unseen.json"

    monkeypatch.setattr("sys.argv", ["cases", str(good), str(bad), str(missing)])
    assert program.main() == 1
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["RIGHT", "refund-deleted-unseen:"],
        ["BROKEN", "bad:"],
        ["BROKEN", "missing:"],
    ]

    monkeypatch.setattr("sys.argv", ["cases", str(good)])
    assert program.main() == 0
