"""What is done with sales by commands, and how they show it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chansync.db.connection import Store
from functional.cli.conftest import Run
from support import ledger
from support.ledger import item_line, record, two_shirts


@pytest.fixture
def erp(store: Store, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``erp("pay", "S-1")`` on a ledger with ten shirts and the sales S-1 and S-2, of two shirts each."""
    monkeypatch.setenv("CHANSYNC_DB", str(store.path))
    ledger.add_company(store)
    ledger.have(store, "SHIRT", 10)
    for serial in (1, 2):
        record(store, serial, two_shirts())
    return lambda *arguments, **kwargs: run("erp", *arguments, **kwargs)


def said(run: Run, line: str) -> str:
    """What a command that goes well prints."""
    result = run(*line.split())
    assert (result.code, result.err) == (0, ""), (line, result)
    return result.out.rstrip("\n")


def state_of(run: Run, number: str) -> dict[str, Any]:
    """The sale's state as JSON shows it."""
    shown: dict[str, Any] = json.loads(said(run, f"sale {number} --json"))["state"]
    return shown


def test_a_sale_goes_its_way_by_commands(erp: Run) -> None:
    assert said(erp, "block S-1") == "S-1: what is there is blocked."
    assert said(erp, "request S-1") == "S-1: nothing is missing."
    assert said(erp, "issue S-1") == "S-1: issued MAIN/invoice/1."
    assert said(erp, "issue S-1") == "S-1: it has the document MAIN/invoice/1 already."
    assert said(erp, "pay S-1 --amount 7.73") == "S-1: paid 7.73 EUR."
    assert said(erp, "pay S-1") == "S-1: paid 10.00 EUR."
    assert said(erp, "pay S-1") == "S-1: nothing is owed."
    assert said(erp, "write-out S-1") == "S-1: written out."
    assert said(erp, "refund S-1 --line SHIRT=1") == "S-1: refunded 5.95 EUR."
    assert said(erp, "reverse S-1") == "S-1: reversed."
    assert said(erp, "cancel S-2") == "S-2: cancelled."
    assert said(erp, "check") == "The ledger is sound."


def test_a_sale_shows_where_it_is_and_what_was_done_with_it(erp: Run) -> None:
    for line in ("issue S-1", "pay S-1", "write-out S-1", "refund S-1 --amount 5.00"):
        said(erp, line)
    out = said(erp, "sale S-1")
    assert "  goods            written out\n" in out
    assert "  documented       12.73 EUR, MAIN/invoice/1\n" in out
    assert "  paid             12.73 EUR, unpaid 0.00 EUR\n" in out
    assert "  refunded         5.00 EUR\n" in out
    events = [line.split("  ", 1)[1].strip() for line in out.splitlines()[-4:]]
    assert events == [
        "document issued  document MAIN/invoice/1, total 17.73 EUR",
        "paid             amount 17.73 EUR",
        "written out      2 of SHIRT",
        "refunded         key manual 1, total 5.00 EUR, credit MAIN/invoice/2, returned 5.00 EUR",
    ]
    said(erp, "reverse S-1")
    assert "  closed           reversed\n" in said(erp, "sale S-1")
    state = state_of(erp, "S-1")
    assert (state["total"], state["refunded"], state["documented"], state["reversed"]) == (
        "17.73",
        "5.00",
        "0.00",
        True,
    )


def test_lines_are_refunded_piece_by_piece_to_the_last_cent(erp: Run, store: Store) -> None:
    record(store, 3, [item_line("SHIRT", 3, 1000, 1)])
    said(erp, "write-out S-3")
    parts = [said(erp, "refund S-3 --line SHIRT=1 --no-restock") for _ in range(3)]
    assert [part.removeprefix("S-3: refunded ") for part in parts] == ["3.33 EUR.", "3.35 EUR.", "3.33 EUR."]
    assert state_of(erp, "S-3")["unpaid"] == "0.00"
    assert json.loads(said(erp, "stock SHIRT --json"))[0]["on_hand"] == 7


def test_a_key_is_refunded_once(erp: Run) -> None:
    assert said(erp, "refund S-1 --amount 1 --key r7") == "S-1: refunded 1.00 EUR."
    assert said(erp, "refund S-1 --amount 1 --key r7") == "S-1: the refund r7 is recorded already."
    assert said(erp, "refund S-1 --line ship") == "S-1: refunded 5.83 EUR."


def test_several_sales_are_written_out_and_one_that_cannot_be_stops_no_other(erp: Run, store: Store) -> None:
    record(store, 3, [item_line("SHIRT", 9, 900)])
    result = erp("write-out", "S-1", "S-3", "S-9", "S-2")
    assert result.code == 1
    assert result.out.splitlines() == ["S-1: written out.", "S-2: written out."]
    missing, unknown = result.err.splitlines()
    assert missing.startswith("The sale S-3 cannot be written out: W1 lacks 1 of SHIRT")
    assert unknown == "There is no sale 'S-9' in the ERP. See: chansync erp sales"


def test_the_journals_are_listed(erp: Run, store: Store) -> None:
    record(store, 3, [item_line("SHIRT", 12, 1200)])
    for line in ("issue S-1", "pay S-1", "cancel S-1", "block S-2", "request S-3"):
        said(erp, line)
    documents = [line.split() for line in said(erp, "documents --sale S-1").splitlines()]
    assert documents[0] == ["document", "when", "sale", "total", "credit", "of"]
    assert [(row[0], row[5], row[-1]) for row in documents[1:]] == [
        ("MAIN/invoice/2", "-17.73", "MAIN/invoice/1"), ("MAIN/invoice/1", "17.73", "EUR"),
    ]  # fmt: skip
    payments = json.loads(said(erp, "payments --json"))
    assert [(row["kind"], row["account"], row["amount"]) for row in payments] == [
        ("return", "BANK", "-17.73"), ("payment", "BANK", "17.73"),
    ]  # fmt: skip
    [request] = json.loads(said(erp, "requests --json"))
    assert (request["sale"], request["item"], request["quantity"]) == ("S-3", "SHIRT", 4)
    moves = json.loads(said(erp, "movements SHIRT --json"))
    assert [(row["kind"], row["quantity"], row["blocked"], row["sale"]) for row in moves] == [
        ("block", 0, 2, "S-2"), ("opening", 10, 0, ""),
    ]  # fmt: skip
    assert said(erp, "movements SHIRT").splitlines()[1].split()[-4:] == ["W1", "+2", "block", "S-2"]
    assert "block" in said(erp, "stock SHIRT")


@pytest.mark.parametrize(
    ("line", "code", "sentence"),
    [
        ("pay S-1", 1, "The sale S-1 has no financial document, and a payment needs one."),
        ("pay S-1 --amount many", 2, "This is not an amount: 'many': write 20 or 12.50."),
        ("pay S-1 --amount -1", 2, "'-1' is not above zero."),
        ("pay S-1 --amount 1.001", 2, "The amount 1.001 is finer than the smallest unit of EUR."),
        ("refund S-1", 2, "Say what to refund: an amount, or lines."),
        ("refund S-1 --line SHOE", 2, "The sale has no line 'SHOE': name its item or the site's id of the line."),
        ("refund S-1 --line SHIRT=3 --amount 1", 1, "3 of SHIRT cannot be refunded on the sale S-1: 2 are left."),
        ("refund S-1 --amount 99", 1, "99.00 EUR cannot be refunded on the sale S-1: 17.73 EUR of it are left."),
        ("reverse S-1", 1, "The sale S-1 is not written out: cancel it (chansync erp cancel S-1)."),
        ("issue S-1 --type slip", 1, "There is no document type slip in the ERP for the sale S-1."),
        ("request S-1 --from W9", 1, "There is no warehouse W9 in the ERP to look for goods in."),
        ("cancel S-9", 2, "There is no sale 'S-9' in the ERP."),
        ("documents --sale S-9", 2, "There is no sale 'S-9' in the ERP."),
        ("stock set SHIRT --warehouse W1 -- -1", 2, "W1 cannot have -1 of 'SHIRT'"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    erp: Run, store: Store, line: str, code: int, sentence: str
) -> None:
    before = store.db.execute("SELECT count(*) FROM erp_event").get
    result = erp(*line.split())
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(sentence)
    assert store.db.execute("SELECT count(*) FROM erp_event").get == before


def test_a_damaged_ledger_is_told_and_gives_an_exit_code(erp: Run, store: Store) -> None:
    store.db.execute("UPDATE erp_sale SET total = 1 WHERE id = 1")
    result = erp("check")
    assert result.code == 1
    assert result.out == "Sale S-1: its total is 0.01 EUR, its lines add up to 17.73 EUR.\n"
    assert result.err.startswith("Found 1. ")
    assert json.loads(erp("check", "--json").out) == [result.out.strip()]


def test_a_sale_leaves_in_packages(erp: Run) -> None:
    assert said(erp, "write-out S-1 --line SHIRT=1 --carrier DHL --tracking T1") == "S-1: written out as package 1."
    out = said(erp, "sale S-1")
    assert "  goods            partly written out\n" in out
    assert "  still to leave   1 of SHIRT\n" in out
    assert state_of(erp, "S-1")["partly_written_out"] is True
    refused = erp("cancel", "S-1")
    assert "The sale S-1 is partly written out: reverse it (chansync erp reverse S-1)." in refused.err.replace(
        "\n", " "
    )
    assert "Lines belong to one sale" in erp("write-out", "S-1", "S-2", "--line", "SHIRT").err
    assert "it has the packages 1: name one (--package)" in erp("ship", "S-1", "--tracking", "T2").err
    assert said(erp, "ship S-1 --package 1 --tracking T1b") == "S-1: package 1 travels by DHL as T1b."
    assert said(erp, "write-out S-1 --tracking T2") == "S-1: written out."
    [first, second] = json.loads(said(erp, "sale S-1 --json"))["packages"]
    assert (first["tracking"], first["lines"]) == ("T1b", [{"external_id": "SHIRT", "item": "SHIRT", "pieces": 1}])
    assert (second["number"], second["tracking"]) == (2, "T2")
    assert said(erp, "reverse S-1") == "S-1: reversed."
    assert said(erp, "check") == "The ledger is sound."
