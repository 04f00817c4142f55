"""``chansync mend``: what mends a message, and doing it."""

from __future__ import annotations

import json

from chansync.db.connection import Store
from chansync.store import mappings, messages
from functional.cli.conftest import Run

_PAYMENT = {"site_code": "klarna", "title": "Klarna"}


def _problem(company: Store, code: str, **data: str) -> int:
    messages.log(company.db, code, "Something lacks.", channel_id=1, data=data)
    return int(company.db.execute("SELECT max(id) FROM message").get)


def test_what_mends_a_message_is_listed_with_what_to_type(chansync: Run, company: Store) -> None:
    own = _problem(company, "payment_unmapped", **_PAYMENT)
    shown = chansync("mend", str(own))
    assert shown.code == 0
    assert "chansync map payment shop klarna=METHOD" in shown.out
    assert f"chansync retry --message {own}" in shown.out
    told = json.loads(chansync("mend", str(own), "--json").out)
    assert (told["code"], told["open"], told["remedies"][0]["name"]) == ("payment_unmapped", True, "map")


def test_a_remedy_is_carried_out_with_the_words_that_it_lacks(chansync: Run, company: Store) -> None:
    own = str(_problem(company, "payment_unmapped", **_PAYMENT))
    lacking = chansync("mend", own, "map")
    assert (lacking.code, f"Say METHOD: chansync mend {own} map METHOD." in lacking.err) == (2, True)
    done = chansync("mend", own, "map", "cash")
    assert done.code == 0
    assert mappings.targets(company.db, 1, "payment")["klarna"] == "cash"
    assert f"Then: chansync retry --message {own}" in done.err
    assert chansync("mend", own, "retry").code != 0, "the site of these tests is not there"


def test_what_there_is_not_is_said(chansync: Run, company: Store) -> None:
    own = str(_problem(company, "site_unavailable"))
    assert "There is no message 999. See: chansync log" in chansync("mend", "999").err
    assert "There are: retry, test." in chansync("mend", own, "pray").err


def test_what_a_site_calls_its_things_is_never_an_option(chansync: Run, company: Store) -> None:
    own = str(_problem(company, "item_unknown", sku="--json", map="--help", name="A name"))
    shown = chansync("mend", own).out
    assert "chansync map item shop MAP=ITEM" in shown
    assert "chansync erp add item SKU 'name=A name'" in shown


def test_a_remedy_is_offered_where_the_message_tells_what_it_is_about(chansync: Run, company: Store) -> None:
    without_code = str(_problem(company, "delivery_unmapped", site_code=""))
    told = json.loads(chansync("mend", without_code, "--json").out)
    assert [each["name"] for each in told["remedies"]] == ["set-delivery-method", "retry"]
    unmapped = str(_problem(company, "payment_unmapped", site_code="klarna"))
    assert "There are: map, retry." in chansync("mend", unmapped, "set-gift-card-payment-method", "cash").err
    gift_card = str(_problem(company, "payment_unmapped", parameter="gift_card_payment_method"))
    assert "There are: set-gift-card-payment-method, retry." in chansync("mend", gift_card, "map", "cash").err


def test_what_was_typed_already_is_kept_where_words_are_missing(chansync: Run, company: Store) -> None:
    own = str(_problem(company, "missing_stock"))
    assert (
        f"chansync mend {own} set-stock SKU-001 QUANTITY WAREHOUSE."
        in chansync("mend", own, "set-stock", "SKU-001").err
    )


def test_what_a_site_calls_its_things_may_hold_an_equals_sign(chansync: Run, company: Store) -> None:
    own = str(_problem(company, "payment_unmapped", site_code="pay=later", title="Later"))
    assert chansync("mend", own, "map", "cash").code == 0
    assert mappings.targets(company.db, 1, "payment")["pay=later"] == "cash"
    assert chansync("map", "payment", "shop", "pay=later=").code == 0
    assert "pay=later" not in mappings.targets(company.db, 1, "payment")
