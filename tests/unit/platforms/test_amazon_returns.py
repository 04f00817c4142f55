"""Reports of returns: each row that can be read, whatever the file is like, and a word on each other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chansync.demo.amazon.returns import BY_MERCHANT, COLUMNS, TO_AMAZON
from chansync.model.errors import DataError
from chansync.platforms.amazon.returns import read_returns

ASKED = {"Order ID": "902-1", "Amazon RMA ID": "D1RRMA", "Merchant SKU": "A", "Return quantity": "1"}
CAME = {"order-id": "902-1", "return-date": "2026-11-17T10:00:00+00:00", "sku": "A", "quantity": "1"}


def table(kind: str, rows: Sequence[dict[str, str]]) -> str:
    columns = COLUMNS[kind]
    return "\n".join(
        "\t".join(row.get(name, "") for name in columns) for row in [{name: name for name in columns}, *rows]
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_every_form_of_file(encoding: str, ends: str) -> None:
    rows = [
        ASKED | {"Item Name": 'Monitor 27" für "Ältere"', "Return delivery date": "17-Nov-2026"},
        ASKED | {"Merchant SKU": "B", "Return quantity": "12", "Return Reason": "CR-DEFECTIVE"},
    ]
    found, faults = read_returns(BY_MERCHANT, table(BY_MERCHANT, rows).replace("\n", ends).encode(encoding))
    assert [(each.key, each.pieces, each.received_at) for each in found] == [
        ("D1RRMA A", 1, 1_794_873_600_000), ("D1RRMA B", 12, None),
    ]  # fmt: skip
    assert faults == []


@pytest.mark.parametrize(
    ("kind", "rows", "keys"),
    [
        (BY_MERCHANT, [ASKED, ASKED], ["D1RRMA A", "D1RRMA A 2"]),
        (TO_AMAZON, [CAME, CAME | {"order-id": "902-2"}],
         ["2026-11-17T10:00:00+00:00 902-1 A", "2026-11-17T10:00:00+00:00 902-2 A"]),
        (TO_AMAZON, [CAME | {"license-plate-number": "LPN1"}, CAME | {"license-plate-number": "LPN2"}],
         ["LPN1 A", "LPN2 A"]),
    ],
)  # fmt: skip
def test_no_row_takes_the_place_of_another(kind: str, rows: list[dict[str, str]], keys: list[str]) -> None:
    found, _ = read_returns(kind, table(kind, rows).encode())
    assert [each.key for each in found] == keys


@pytest.mark.parametrize(
    ("kind", "row", "fault"),
    [
        (BY_MERCHANT, ASKED | {"Return quantity": ""}, "'' is no number of pieces"),
        (BY_MERCHANT, ASKED | {"Return quantity": "1,5"}, "'1,5' is no number of pieces"),
        (BY_MERCHANT, ASKED | {"Return delivery date": "soon"}, "'soon' is no day"),
        (TO_AMAZON, CAME | {"return-date": "17.11."}, "'17.11.' is no day"),
    ],
)
def test_a_row_that_cannot_be_read_is_told_and_the_others_count(kind: str, row: dict[str, str], fault: str) -> None:
    good = ASKED if kind == BY_MERCHANT else CAME
    found, faults = read_returns(kind, table(kind, [row, good]).encode())
    assert (len(found), faults) == (1, [f"row 2 of {kind}: {fault}"])


@pytest.mark.parametrize("data", [b"Amazon is busy\nnow", b"\0\xff\0", table(TO_AMAZON, [CAME]).encode()])
def test_what_is_no_report_is_said(data: bytes) -> None:
    with pytest.raises(DataError, match="the report lacks the columns Order ID"):
        read_returns(BY_MERCHANT, data)
