"""The whole set-up as files: applied, exported, and applied again."""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chansync.db.connection import Store, open_store
from chansync.erp.ledger import setup as ledger
from chansync.erp.outside import connected
from chansync.model.errors import UsageError
from chansync.notices import settings as notice_settings
from chansync.notices import user_services
from chansync.secrets import sealing
from chansync.setup import channel_settings, erps, retention, systems
from chansync.setup.setup_file.document import read
from chansync.setup.setup_file.exporting import SECRETS_FOLDER, export
from chansync.setup.typed_fields import InvalidFields
from chansync.store import channels, mappings
from support import world
from support.setup_files import applied

SHOP = """
[ledger.warehouse.W1]
name = "Main"
[ledger.account.BANK]
name = "Bank"
[ledger.pos.WEB]
name = "Web shop"
warehouse = "W1"
currencies = ["EUR"]
[ledger.payment-method."WEB/bank"]
name = "Bank transfer"
account = "BANK"
[ledger.delivery-method."WEB/courier"]
name = "Courier"
[ledger.tax-transaction.full]
name = "Full"
rate = 20
[systems.woo]
name = "Web shops"
kind = "woocommerce"
[channels.shop]
name = "Shop"
integration_system = "woo"
pos = "WEB"
store_domain = "shop.example"
[channels.shop.payment]
bacs = "bank"
[retention]
keep_runs = "30d"
"""


def _secrets(folder: Path, text: str) -> str:
    """Write the files that an exported set-up refers to, and have it refer to them there."""
    (folder / SECRETS_FOLDER).mkdir(exist_ok=True)
    for line in text.splitlines():
        if f'{{file = "{SECRETS_FOLDER}/' in line:
            name = line.split(f'"{SECRETS_FOLDER}/')[1].split('"')[0]
            content = "jsons://hooks.example/x" if name.startswith("notices.anna") else f"secret of {name}"
            (folder / SECRETS_FOLDER / name).write_text(content + "\n")
    return text.replace(f'"{SECRETS_FOLDER}/', f'"{folder}/{SECRETS_FOLDER}/')


def test_what_is_applied_is_there_and_a_second_time_nothing_is_written(store: Store) -> None:
    plan = applied(store, SHOP)
    assert plan.sum == "8 new, 1 changed"
    assert channels.channel(store.db, "shop")["store_domain"] == "shop.example"
    assert ledger.get(store.db, "tax-transaction", "full")["rate"] == "20"
    watcher = open_store(store.path, create=False)
    seen = watcher.db.pragma("data_version")
    before = [Path(f"{store.path}{end}").read_bytes() for end in ("", "-wal")]
    again = applied(store, SHOP)
    assert (again.sum, again.changes) == ("9 unchanged", [])
    assert [Path(f"{store.path}{end}").read_bytes() for end in ("", "-wal")] == before
    assert watcher.db.pragma("data_version") == seen
    watcher.close()


def test_a_check_tells_the_same_and_keeps_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_KEY", "ck_x")
    whole = SHOP.replace(
        'store_domain = "shop.example"', 'store_domain = "shop.example"\nconsumer_key = {env = "SHOP_KEY"}'
    )
    before = export(store.db), sorted(store.path.parent.iterdir())
    told = applied(store, whole, check=True)
    assert (export(store.db), sorted(store.path.parent.iterdir())) == before
    assert applied(store, whole).lines == told.lines
    assert applied(store, whole, check=True).changes == []


def test_several_files_are_one_set_up_and_none_may_contradict_another(store: Store) -> None:
    head, _, tail = SHOP.partition("[systems.woo]")
    more = '[channels.shop]\ndescription = "More"\n[channels.shop.delivery]\n"flat_rate:1" = "courier"\n'
    applied(store, head, "[systems.woo]" + tail, more)
    assert channels.channel(store.db, "shop")["description"] == "More"
    assert mappings.targets(store.db, 1, "delivery") == {"flat_rate:1": "courier"}
    with pytest.raises(InvalidFields) as raised:
        applied(store, SHOP, '\n[channels.shop]\nname = "Other"\n')
    assert [str(each) for each in raised.value.errors] == [
        "setup-2.toml, line 3: channels.shop.name is in another of the files, too"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[ledger.pos.WEB]\nname = 'W'\nwarehouse = 'NO'\ncurrencies = ['EUR']",
         ["line 3: ledger.pos.WEB.warehouse names NO, but there is no such warehouse; there is W1"]),
        ("[ledger.pos.WEB]\nname = 5\nwarehouse = 'W1'\nbogus = 1",
         ["line 1: ledger.pos.WEB.currencies is needed", "line 2: ledger.pos.WEB.name must be text",
          "line 4: ledger.pos.WEB.bogus is no field of a POS"]),
        ("[channels.shop]\nname = 'S'\nintegration_system = 'woo'\ncurency = 'EUR'",
         ["line 4: channels.shop.curency is no field of a channel: did you mean currency"]),
        ("[ledger.shelf.A]\nname = 'x'", ["line 1: ledger.shelf is no kind of record"]),
        ("[ledger.payment-method.bank]\nname = 'x'", ["line 1: ledger.payment-method.bank must be named by its pos"]),
        ("[erps.main]\nname = 'x'\nkind = 'sap'", ["line 3: erps.main.kind names 'sap'"]),
        ("[channels.shop]\nname = 'S'\nintegration_system = 'woo'\nconsumer_key = 'ck'",
         ["line 4: channels.shop.consumer_key is secret and must not be in a file"]),
        ("[channels.shop]\nname = 'S'\nintegration_system = 'woo'\n\nconsumer_key = {env = 'CHANSYNC_NO_SUCH'}",
         ["line 5: channels.shop.consumer_key is not there: CHANSYNC_NO_SUCH is not set"]),
        ("[channels.shop]\nname = 'S'\nintegration_system = 'woo'\nconsumer_key = {file = '/no/such'}",
         ["line 4: channels.shop.consumer_key is not there: "]),
        ("[channels.shop]\nname = 'S'\nintegration_system = 'woo'\nconsumer_key = {credential = 'x'}",
         ["line 4: channels.shop.consumer_key is not there: a credential is had by a service"]),
        ("[notices]\nsmtp_host = 'mail.example'\nmail_from = 'nobody'\nsmtp_port = 0",
         ["line 3: notices.mail_from is no e-mail address", "line 4: notices.smtp_port is a number from 1"]),
        ("[notices.services.bob]\nhook = {env = 'HOOK'}", ["line 2: notices.services.bob.hook cannot be applied"]),
        ("[retention]\nkeep_runs = '1h'\nkeep_all = '1d'",
         ["line 2: retention.keep_runs is shorter than a day", "line 3: retention.keep_all is no setting"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_nothing_is_written(
    company: Store, monkeypatch: pytest.MonkeyPatch, text: str, told: list[str]
) -> None:
    monkeypatch.setenv("HOOK", "jsons://hooks.example/x")
    before = export(company.db)
    with pytest.raises(InvalidFields) as raised:
        applied(company, text)
    found = [str(each).removeprefix("setup.toml, ") for each in raised.value.errors]
    assert len(found) == len(told)
    assert all(sentence.startswith(begin) for sentence, begin in zip(found, told, strict=True)), found
    assert export(company.db) == before


_TEXT = (
    st.text(st.characters(categories=("L", "N", "P", "S"), include_characters=" "), min_size=1, max_size=12)
    .map(str.strip)
    .filter(bool)
)
_SITE_CODES = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=8)
_CHANNEL = st.fixed_dictionaries(
    {"name": _TEXT},
    optional={
        "description": _TEXT,
        "used": st.sampled_from(["yes", "no"]),
        "start_date": st.dates().map(str),
        "order_statuses": st.sampled_from(["processing", "processing,completed"]),
        "orders_every": st.sampled_from(["off", "10min"]),
        "issue_document_on_payment": st.just("yes"),
        "document_type": st.just("invoice"),
        "consumer_secret": _TEXT,
        "delivery_method": st.just("courier"),
    },
)


@given(
    st.lists(_CHANNEL, max_size=3),
    st.dictionaries(_SITE_CODES, st.sampled_from(["bank", "cash"]), max_size=3),
    st.dictionaries(_SITE_CODES, st.sampled_from(["SKU-001", "SHIPPING", "-"]), max_size=3),
    st.booleans(),
    st.fixed_dictionaries({}, optional={"keep_runs": st.sampled_from(["9d", "off"]), "keep_jobs": st.just("1d")}),
)
@settings(max_examples=20)
def test_an_export_applied_to_an_empty_database_gives_the_same_export_and_then_nothing_to_do(
    template: Path,
    made: list[dict[str, str]],
    payments: dict[str, str],
    items: dict[str, str],
    with_notices: bool,
    kept: dict[str, str],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "first").mkdir()
        (folder / "second").mkdir()
        first, second = world.copy_of(template, folder / "first"), world.copy_of(template, folder / "second")
        world.add_erp(first)
        ledger.add(first.db, "document-type", "invoice", {"name": "Invoice"})
        ledger.add(first.db, "user", "anna", {"name": "Anna", "email": "anna@shop.example"})
        ledger.change(first.db, "pos", "MAIN", {"next_sale_number": "77", "negative_stock": "yes"})
        systems.add_system(first, "woo", "Web shops", "woocommerce")
        fields = {"seller_id": "S", "region": "eu", "client_id": "amzn1.x", "client_secret": "c", "refresh_token": "r"}
        systems.add_system(first, "amz", "Amazon", "amazon", fields)
        erps.add_erp(first, "own", "Own", "http", {"address": "https://erp.example/x", "token": "t"})
        for number, texts in enumerate(made):
            begin = {"code": f"c-{number}", "integration_system": "woo", "pos": "MAIN", "consumer_key": "k"}
            whole = {"start_date": "2026-01-01", "consumer_secret": "s", "order_statuses": "processing"}
            place = {"store_domain": f"s{number}.example", "transport_service": "SHIPPING", "fee_service": "FEE"}
            used = whole if texts.get("used") == "yes" else {}
            channel = channel_settings.add_channel(first, begin | place | used | texts)
            for site_code, target in payments.items():
                mappings.map_to(first.db, channel.id, "payment", site_code, target)
            for site_code, target in items.items():
                mappings.map_to(first.db, channel.id, "item", site_code, target)
            mappings.set_paid_statuses(first.db, channel.id, "cod", ["completed"])
        retention.change(first.db, kept)
        if with_notices:
            mail = {"smtp_host": "mail.example", "mail_from": "a@b.example", "smtp_user": "u", "smtp_password": "p"}
            notice_settings.change(first, mail)
            user_services.add(first, "anna", "hook", "jsons://hooks.example/x")
        text = export(first.db)
        tomllib.loads(text)
        whole_text = _secrets(folder, text)

        applied(second, whole_text)

        assert export(second.db) == text
        assert applied(second, whole_text).changes == []
        assert applied(first, whole_text, keep_secrets=True).changes == []
        first.close()
        second.close()


def test_secrets_come_from_where_the_file_says_and_stay_otherwise(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "key").write_text("ck_needle\n")
    (tmp_path / "shop.secret").write_text("cs_needle")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    secrets = f"""
        [channels.shop]
        name = "Shop"
        integration_system = "woo"
        store_domain = "shop.example"
        consumer_key = {{file = "{tmp_path}/key"}}
        consumer_secret = {{credential = "shop.secret"}}
        """
    system = '[systems.woo]\nname = "Web shops"\nkind = "woocommerce"\n'
    applied(store, system, secrets)
    opened = sealing.open_all(store.db, store.path, 1, "https://shop.example")
    assert opened == {"consumer_key": "ck_needle", "consumer_secret": "cs_needle"}
    assert "needle" not in export(store.db)
    (tmp_path / "key").write_text("ck_other")
    assert applied(store, system, secrets, keep_secrets=True).changes == []
    assert applied(store, system, secrets).changes == ["channel shop: consumer_key is entered"]
    assert sealing.open_all(store.db, store.path, 1, "https://shop.example")["consumer_key"] == "ck_other"


def test_what_channels_name_of_an_erp_that_was_not_read_yet_is_taken_and_told(store: Store, tmp_path: Path) -> None:
    erp = '[erps.own]\nname = "Own"\nkind = "http"\naddress = "https://erp.example"\n'
    plan = applied(store, erp + SHOP.replace('pos = "WEB"', 'pos = "THEIRS"').replace('bacs = "bank"', 'bacs = "x"'))
    assert plan.notes == [
        "own needs its secrets: chansync erp change own token=-",
        "Nothing was read of own yet, so what channels name of it is not checked: chansync erp lookups own",
    ]
    connected.note_time(store.db, "own", "reference_at")
    with pytest.raises(InvalidFields, match=r"channels\.shop\.pos names THEIRS"):
        applied(store, '[channels.shop]\nname = "S"\nintegration_system = "woo"\npos = "THEIRS"\n[channels.shop.tax]')


def test_what_no_file_names_goes_only_where_it_is_asked_for(store: Store) -> None:
    applied(store, SHOP)
    less = SHOP.partition("[channels.shop]")[0].replace('[ledger.tax-transaction.full]\nname = "Full"\nrate = 20\n', "")
    assert applied(store, less).changes == []
    plan = applied(store, less + '[ledger.tax-transaction.none]\nname = "None"\n[channels]\n', prune=True)
    assert plan.changes == [
        "tax transaction none: new", "channel shop: removed", "tax transaction full: removed",
    ]  # fmt: skip
    assert ledger.codes(store.db, "warehouse") == ["W1"]


def test_a_channel_with_orders_is_never_pruned(company: Store) -> None:
    company.db.execute(
        """INSERT INTO "order" (channel_id, external_id, number, status, placed_at, placed_on, modified_at, currency,
           total, state, digest, first_seen_at, changed_at)
           VALUES (1, '1', '1', 'x', 0, '2026-01-01', 0, 'EUR', '1', 'skipped', '', 0, 0)"""
    )
    with pytest.raises(InvalidFields, match="chansync channel remove shop"):
        applied(company, "[channels]\n", prune=True)
    assert channels.all_channels(company.db)


def test_a_number_series_that_runs_is_never_set_back(store: Store) -> None:
    numbered = SHOP.replace('currencies = ["EUR"]', 'currencies = ["EUR"]\nnext_sale_number = 100')
    applied(store, numbered)
    assert ledger.get(store.db, "pos", "WEB")["next_sale_number"] == 100
    ledger.change(store.db, "pos", "WEB", {"next_sale_number": "150"})
    assert applied(store, numbered).changes == []
    assert ledger.get(store.db, "pos", "WEB")["next_sale_number"] == 150


@pytest.mark.parametrize("text", [".".join("a" * 3000) + "=1", "[systems.woo]\na = " + "{a=" * 90 + "1" + "}" * 90])
def test_no_depth_is_too_deep(store: Store, text: str) -> None:
    with pytest.raises(UsageError):
        applied(store, text, text)


def test_lines_are_found_behind_values_of_several_lines() -> None:
    text = (
        'format = 1\n[channels.shop] # x\nname = """a\n[systems.no]\nb"""\norder_statuses = [\n "a", # ]\n]\npos = 1\n'
    )
    found = read([("s.toml", text)])
    names = ("format", "channels.shop.order_statuses", "channels.shop.pos")
    assert [found.files[0].line_of(name) for name in names] == [1, 6, 9]
    assert found.files[0].line_of("systems.no") is None
