"""The forms of the core: fields, choices, checks and saving."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chansync.db.connection import Store, open_store
from chansync.erp.ledger import setup
from chansync.model.errors import UsageError
from chansync.orders.items import NOTHING
from chansync.secrets import sealing
from chansync.setup import channel_settings, systems
from chansync.setup.forms.channel_form import ChannelForm
from chansync.setup.forms.erp_form import ErpForm
from chansync.setup.forms.factory import form_of, form_of_reference
from chansync.setup.forms.form import Form, FormField, code_from
from chansync.setup.forms.kind_form import SystemForm
from chansync.setup.forms.merging import Conflict
from chansync.setup.typed_fields import InvalidFields
from chansync.store import channels, mappings
from chansync.store import systems as store_systems
from support import tiny, world


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(tmp_path / "chansync.db")
    world.add_erp(opened)
    world.add_channel(opened)
    yield opened
    opened.close()


def field_of(
    form: Form, store: Store, name: str, texts: dict[str, str], *, everything: bool = True
) -> FormField | None:
    found = form.fields(store.db, texts, everything=everything)
    return next((field for field in found if field.name == name), None)


def wrong(error: pytest.ExceptionInfo[InvalidFields]) -> list[str]:
    return [each.name for each in error.value.errors]


def open_form(store: Store) -> tuple[ChannelForm, dict[str, str]]:
    form = ChannelForm(1)
    loaded = form.load(store.db)
    assert loaded is not None
    return form, dict(loaded.texts)


def test_fields_follow_what_is_switched_on(store: Store) -> None:
    form, texts = open_form(store)
    assert field_of(form, store, "pay_immediately", texts) is None
    assert field_of(form, store, "pay_immediately", texts | {"issue_document": "yes"})


def test_before_the_first_connection_just_what_it_needs_is_asked(store: Store) -> None:
    form = ChannelForm(None)
    loaded = form.load(store.db)
    assert loaded is not None
    names = {field.name for field in form.fields(store.db, loaded.texts)}
    assert {"name", "code", "pos", "store_domain", "consumer_key", "consumer_secret", "used"} <= names
    assert not {"order_statuses", "orders_every", "tax_transaction"} & names
    assert loaded.texts["integration_system"] == "woo", "there is but one"


def test_what_a_user_filled_in_before_the_first_connection_is_not_hidden(store: Store) -> None:
    form = ChannelForm(None)
    assert field_of(form, store, "check_email", {"check_email": "no"}, everything=False)


def test_switching_off_takes_what_depended_on_it_along(store: Store) -> None:
    channel_settings.change_channel(store, "shop", {"issue_document": "yes", "pay_immediately": "yes"})
    form, texts = open_form(store)
    loaded = form.load(store.db)
    assert loaded is not None
    form.save(store, loaded, texts | {"issue_document": "no"}, {})
    assert channels.channel(store.db, "shop")["pay_immediately"] is False


def test_save_is_one_transaction_with_the_mappings(store: Store) -> None:
    form = ChannelForm(1)
    loaded = form.load(store.db)
    assert loaded is not None
    with pytest.raises(InvalidFields) as error:
        form.save(store, loaded, loaded.texts | {"name": "New", "payment:cod": "nothing"}, {})
    assert wrong(error) == ["payment:cod"]
    assert channels.channel(store.db, "shop")["name"] == "Shop"
    form.save(store, loaded, loaded.texts | {"name": "New", "payment:cod": "bank", "tax:DE": ""}, {})
    assert channels.channel(store.db, "shop")["name"] == "New"
    assert mappings.targets(store.db, 1, "payment")["cod"] == "bank"
    assert mappings.mappings(store.db, 1, "tax") == []


def test_a_payment_method_has_its_paid_statuses_in_the_form(store: Store) -> None:
    listed = [(code, code.title(), True) for code in "processing on-hold completed cancelled refunded failed".split()]
    mappings.replace_lookups(store.db, 1, "order_status", listed)
    form, texts = open_form(store)
    loaded = form.load(store.db)
    assert loaded is not None
    field = field_of(form, store, "paid:cod", texts)
    assert (texts["paid:cod"], field.is_several) == ("", True)
    assert [each.code for each in form.options(store.db, field, texts) or ()] == [code for code, *_ in listed]
    for wrong_text, refused in (("shipped", ""), ("completed", "completed")):
        with pytest.raises(InvalidFields) as error:
            form.save(store, loaded, texts | {"paid:cod": wrong_text, "refused_statuses": refused}, {})
        assert "paid:cod" in wrong(error)
    form.save(store, loaded, texts | {"paid:cod": "completed, processing"}, {})
    assert mappings.paid_statuses(store.db, 1) == {"cod": frozenset({"completed", "processing"})}
    form, texts = open_form(store)
    assert texts["paid:cod"] == "completed, processing"
    loaded = form.load(store.db)
    assert loaded is not None
    form.save(store, loaded, texts | {"paid:cod": ""}, {})
    assert mappings.paid_statuses(store.db, 1) == {}


@pytest.mark.parametrize("target", ["WRAPPING", NOTHING])
def test_an_item_is_mapped_in_the_form_to_what_the_commands_take(store: Store, target: str) -> None:
    setup.add(store.db, "service", "WRAPPING", {"name": "Gift wrapping"})
    mappings.note_seen(store.db, 1, "item", "512", "Gift wrap")
    form, texts = open_form(store)
    loaded = form.load(store.db)
    assert loaded is not None
    form.save(store, loaded, texts | {"item:512": target}, {})
    assert mappings.targets(store.db, 1, "item") == {"512": target}


def test_another_pos_names_the_mappings_that_it_does_not_have(store: Store) -> None:
    setup.add(store.db, "pos", "OTHER", {"name": "Other", "warehouse": "W1", "currencies": "EUR"})
    form = ChannelForm(1)
    loaded = form.load(store.db)
    assert loaded is not None
    with pytest.raises(InvalidFields) as error:
        form.save(store, loaded, loaded.texts | {"pos": "OTHER"}, {})
    assert {"payment:bacs", "payment:cod", "delivery_method"} <= set(wrong(error))


def test_a_method_that_went_from_the_site_is_noted_and_an_unmapped_one_stands_out(store: Store) -> None:
    mappings.pick_up(store.db, 1, "payment", [("bacs", "Bank transfer"), ("card", "Card")])
    form, texts = open_form(store)
    gone = field_of(form, store, "payment:cod", texts)
    new = field_of(form, store, "payment:card", texts)
    assert gone is not None
    assert gone.note == "not in the site's list"
    assert new is not None
    assert (new.stands_out, new.note, new.label) == (True, "", "card Card")


def test_unrelated_saves_of_two_people_both_count(store: Store) -> None:
    form = ChannelForm(1)
    loaded = form.load(store.db)
    assert loaded is not None
    channel_settings.change_channel(store, "shop", {"description": "theirs"})
    saved = form.save(store, loaded, loaded.texts | {"name": "Mine"}, {})
    assert [each.name for each in saved.theirs] == ["description"]
    channel = channels.channel(store.db, "shop")
    assert (channel["name"], channel["description"]) == ("Mine", "theirs")


def test_a_conflict_saves_nothing_and_tells_all_three_values(store: Store) -> None:
    form = ChannelForm(1)
    loaded = form.load(store.db)
    assert loaded is not None
    channel_settings.change_channel(store, "shop", {"name": "Theirs", "consumer_secret": "cs_theirs"})
    with store.db:
        store.db.execute("UPDATE channel_secret SET set_at = set_at + 1 WHERE name = 'consumer_secret'")
    with pytest.raises(Conflict) as error:
        form.save(store, loaded, loaded.texts | {"name": "Mine", "check_email": "no"}, {"consumer_secret": "cs_mine"})
    found = {each.name: (each.was, each.mine, each.theirs) for each in error.value.merge.conflicts}
    assert found["name"] == ("Shop", "Mine", "Theirs")
    assert "cs_mine" not in str(found) + str(error.value)
    assert "consumer_secret" in found
    assert channels.channel(store.db, "shop")["check_email"] is True
    assert sealing.open_all(store.db, store.path, 1, world.PLACE)["consumer_secret"] == "cs_theirs"


def test_first_use_is_saved_unused_until_the_site_has_answered(store: Store) -> None:
    form = ChannelForm(None, {"code": "new", "name": "New", "store_domain": "new.example", "used": "yes"})
    loaded = form.load(store.db)
    assert loaded is not None
    with pytest.raises(InvalidFields) as error:
        form.save(store, loaded, loaded.texts, {})
    assert wrong(error) == ["consumer_key", "consumer_secret"], "what the connection fills in is not asked for"
    saved = form.save(store, loaded, loaded.texts, {"consumer_key": "k", "consumer_secret": "s"})
    assert saved.connects
    assert channels.channel(store.db, "new")["used"] is False
    assert sealing.open_all(store.db, store.path, int(saved.key), "https://new.example") == {
        "consumer_key": "k",
        "consumer_secret": "s",
    }


def test_a_taken_code_is_an_error_of_its_field(store: Store) -> None:
    form = ChannelForm(None, {"code": "shop", "name": "New"})
    loaded = form.load(store.db)
    assert loaded is not None
    with pytest.raises(InvalidFields) as error:
        form.save(store, loaded, loaded.texts, {})
    assert wrong(error) == ["code"]


def test_choices_have_titles_and_follow_the_pos(store: Store) -> None:
    form, texts = open_form(store)
    field = field_of(form, store, "delivery_method", texts)
    assert field is not None
    found = form.options(store.db, field, texts)
    assert [(each.code, each.title) for each in found or ()] == [("courier", "Courier")]
    assert form.options(store.db, field, texts | {"pos": ""}) == []
    statuses = field_of(form, store, "order_statuses", texts)
    assert statuses is not None
    assert form.options(store.db, statuses, texts) is None, "the site has told nothing yet"
    mappings.replace_lookups(store.db, 1, "order_status", [("processing", "Processing", True), ("x", "Other", True)])
    assert [each.code for each in form.options(store.db, statuses, texts, "oth") or ()] == ["x"]


def test_an_item_is_found_among_many_by_searching(store: Store) -> None:
    mappings.note_seen(store.db, 1, "item", "512", "A shirt")
    form, texts = open_form(store)
    field = field_of(form, store, "item:512", texts)
    assert field is not None
    found = form.options(store.db, field, texts, "SHIRT-3-M")
    assert [each.code for each in found or ()] == ["SHIRT-3-M"]


def test_every_kind_of_the_erp_has_a_form_that_adds_and_changes(store: Store) -> None:
    form = ErpForm("payment-method", None, {"pos": "MAIN"})
    loaded = form.load(store.db)
    assert loaded is not None
    assert loaded.texts["account"] == "BANK", "there is but one"
    with pytest.raises(InvalidFields) as error:
        form.save(store, loaded, loaded.texts | {"code": "a b", "account": "GONE"}, {})
    assert wrong(error) == ["code", "name", "account"]
    with pytest.raises(InvalidFields) as error:
        form.save(store, loaded, loaded.texts | {"code": "cash", "name": "Cash again"}, {})
    assert wrong(error) == ["code"]
    saved = form.save(store, loaded, loaded.texts | {"code": "card", "name": "Card"}, {})
    assert saved.key == "MAIN/card"
    again = ErpForm("payment-method", "MAIN/card")
    known = again.load(store.db)
    assert known is not None
    again.save(store, known, known.texts | {"name": "Credit card"}, {})
    assert setup.get(store.db, "payment-method", "MAIN/card")["name"] == "Credit card"


def test_two_people_at_one_record_of_the_erp(store: Store) -> None:
    form = ErpForm("pos", "MAIN")
    loaded = form.load(store.db)
    assert loaded is not None
    setup.change(store.db, "pos", "MAIN", {"name": "Theirs", "negative_stock": "yes"})
    with pytest.raises(Conflict) as error:
        form.save(store, loaded, loaded.texts | {"name": "Mine"}, {})
    assert [each.name for each in error.value.merge.conflicts] == ["name"]
    saved = form.save(store, loaded, loaded.texts | {"currencies": "EUR"}, {})
    assert [each.name for each in saved.theirs] == ["name", "negative_stock"]
    row = setup.get(store.db, "pos", "MAIN")
    assert (row["name"], row["negative_stock"], row["currencies"]) == ("Theirs", True, ["EUR"])


def test_a_pos_lists_what_belongs_to_it_and_offers_new_ones(store: Store) -> None:
    found = ErpForm("pos", "MAIN").related(store.db)
    assert [(each.kind, each.code) for each in found] == [
        ("payment-method", "MAIN/bank"), ("payment-method", "MAIN/cash"), ("payment-method", ""),
        ("delivery-method", "MAIN/courier"), ("delivery-method", ""),
    ]  # fmt: skip
    assert found[2].preset == {"pos": "MAIN"}


def test_the_form_of_what_a_field_names(store: Store) -> None:
    form, texts = open_form(store)
    pos = field_of(form, store, "pos", texts)
    method = field_of(form, store, "delivery_method", texts)
    domain = field_of(form, store, "store_domain", texts)
    assert pos is not None
    assert method is not None
    assert domain is not None
    assert form_of_reference(pos, texts, new=False).key == "MAIN"
    assert form_of_reference(method, texts, new=False).key == "MAIN/courier"
    with pytest.raises(UsageError, match="Choose the POS first"):
        form_of_reference(method, {"pos": ""}, new=True)
    with pytest.raises(UsageError, match="refers to nothing that has settings"):
        form_of_reference(domain, texts, new=False)
    with pytest.raises(UsageError, match="has no single value"):
        form_of_reference(pos, {"pos": ""}, new=False)


def test_a_systems_own_fields_come_from_its_platform(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    form = SystemForm(None, {"kind": "tiny", "code": "acct", "name": "Account"})
    loaded = form.load(store.db)
    assert loaded is not None
    assert loaded.texts["colour"] == "red"
    with pytest.raises(InvalidFields) as error:
        form.save(store, loaded, loaded.texts | {"colour": "green"}, {})
    assert wrong(error) == ["file", "colour", "key"]
    saved = form.save(store, loaded, loaded.texts | {"file": "/x"}, {"key": "k1"})
    again = SystemForm(str(saved.key))
    known = again.load(store.db)
    assert known is not None
    assert (known.texts["file"], list(known.secrets)) == ("/x", ["key"])
    assert known.texts["key_day"], "a secret that ends was made today, where nothing else is said"
    again.save(store, known, known.texts | {"colour": "blue", "name": "Renamed"}, {})
    found = channels.system(store.db, "acct")
    assert (found.name, found.values["colour"]) == ("Renamed", "blue")
    tiny.forget()


def test_a_channel_of_a_system_with_places_chooses_one(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny.install(monkeypatch)
    added = systems.add_system(store, "acct", "Account", "tiny", {"file": "/x", "key": "k"})
    form = ChannelForm(None, {"integration_system": "acct"})
    loaded = form.load(store.db)
    assert loaded is not None
    assert field_of(form, store, "consumer_key", loaded.texts) is None, "the system has the keys"
    place = field_of(form, store, "store_domain", loaded.texts)
    assert place is not None
    assert form.options(store.db, place, loaded.texts) is None
    store_systems.replace_lookups(store.db, added.id, "place", [("north", "The north")])
    assert [(each.code, each.title) for each in form.options(store.db, place, loaded.texts) or ()] == [
        ("north", "The north")
    ]
    tiny.forget()


def test_a_removed_record_cannot_be_saved(store: Store) -> None:
    for kind, key in (("channel", 99), ("system", "gone"), ("warehouse", "gone")):
        form = form_of(kind, key)
        assert form.load(store.db) is None
    form = ErpForm("warehouse", "W9")
    setup.add(store.db, "warehouse", "W9", {"name": "Nine"})
    loaded = form.load(store.db)
    assert loaded is not None
    setup.remove(store.db, "warehouse", "W9")
    with pytest.raises(UsageError, match="removed meanwhile"):
        form.save(store, loaded, loaded.texts | {"name": "X"}, {})


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Shop Österreich", "shop-osterreich"),
        ("  A  &  B ", "a-b"),
        ("東京", ""),
        ("x" * 90, "x" * 36),
        ("shop", "shop-2"),
    ],
)
def test_a_code_is_proposed_from_a_name(text: str, code: str) -> None:
    assert code_from(text, ["shop"]) == code


def test_what_is_typed_first_proposes_the_rest_and_overwrites_nothing(store: Store) -> None:
    form = ChannelForm(None)
    assert form.proposals(store.db, {"name": "Shop", "code": ""}, "name") == {"code": "shop-2"}
    assert form.proposals(store.db, {"name": "Shop", "code": "mine"}, "name") == {}
    system = SystemForm(None)
    found = system.proposals(store.db, {"kind": "woocommerce", "name": "", "code": ""}, "kind")
    assert (found["name"], found["code"]) == ("WooCommerce", "woocommerce")
