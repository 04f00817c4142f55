"""From nothing to a channel, by commands alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from chansync.db.connection import Store
from chansync.secrets import sealing
from chansync.store import channels, mappings
from chansync.store.channels import pauses
from functional.cli.conftest import Run
from support import world


def test_a_company_is_set_up_from_an_empty_database(empty: Run, store: Store) -> None:
    for line in (
        "system add woo --name Shops --kind woocommerce",
        "erp add warehouse main name=Main",
        "erp add account bank name=Bank",
        "erp add pos web name=Web warehouse=main currencies=EUR,BGN",
        "erp add payment-method card name=Card pos=web account=bank",
        "erp add delivery-method courier name=Courier pos=web",
        "erp add service SHIP name=Shipping",
        "erp add item SHIRT name=Shirt gtin=4006381333931",
        "erp stock set SHIRT 10 --warehouse main",
        "channel add shop-de name=Shop integration_system=woo pos=web store_domain=shop.example transport_service=SHIP",
        "channel set shop-de start_date=2026-01-01 order_statuses=processing,completed check_email=yes",
        "map payment shop-de cod=card",
        "map delivery shop-de flat_rate:1=courier",
        "map item shop-de 512=SHIRT",
    ):
        result = empty(*line.split(" "))
        assert (result.code, result.err) == (0, ""), (line, result)
    channel = channels.channel(store.db, "shop-de")
    assert channel["order_statuses"] == ["processing", "completed"]
    assert mappings.targets(store.db, channel.id, "item") == {"512": "SHIRT"}
    shown = empty("channel", "show", "shop-de").out
    assert "check_email                  yes" in shown
    assert "consumer_key" in shown
    stock = json.loads(empty("erp", "stock", "--json").out)
    assert stock == [{"item": "SHIRT", "name": "Shirt", "warehouse": "main", "on_hand": 10, "blocked": 0}]


def test_the_first_use_connects_and_keeps_the_values_when_that_fails(chansync: Run, company: Store) -> None:
    channels.save_channel(company.db, 1, {"used": False}, {})
    result = chansync("channel", "set", "shop", "used=yes", "description=new")
    assert result.code == 4
    assert "Changed description of shop." in result.out
    assert "shop keeps its values and is not used yet" in result.err
    channel = channels.channel(company.db, "shop")
    assert (channel["used"], channel["description"]) == (False, "new")


def test_the_first_use_names_what_connecting_needs(chansync: Run, company: Store) -> None:
    result = chansync("channel", "add", "new", "name=New", "integration_system=woo", "used=yes")
    assert result.code == 2
    assert result.err.splitlines() == [
        "store_domain is needed for a channel in use.",
        "consumer_key is needed for a channel in use.",
        "consumer_secret is needed for a channel in use.",
    ]
    assert channels.channel(company.db, "new")["used"] is False


def test_secrets_come_by_lines_of_standard_input_or_a_file(chansync: Run, company: Store, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("cs_from_file\n")
    result = chansync("channel", "set", "shop", "consumer_key=-", f"consumer_secret=@{file}", stdin="ck_typed\nx\n")
    assert result.code == 0
    opened = sealing.open_all(company.db, company.path, 1, world.PLACE)
    assert opened == {"consumer_key": "ck_typed", "consumer_secret": "cs_from_file"}


def test_one_file_may_be_named_for_two_secrets(chansync: Run, company: Store, tmp_path: Path) -> None:
    file = tmp_path / "secret.txt"
    file.write_text("the_same\n")
    result = chansync("channel", "set", "shop", f"consumer_key=@{file}", f"consumer_secret=@{file}")
    assert (result.code, result.out) == (0, "Changed consumer_key, consumer_secret of shop.\n")


@pytest.mark.parametrize(
    ("pair", "stdin", "sentence"),
    [
        ("consumer_key=ck_in_the_open", "", "consumer_key is secret, and every user of this machine can see arguments"),
        ("consumer_key=-", "", "No line came for consumer_key"),
        ("consumer_key=@/nowhere/at/all", "", "cannot be read"),
        ("consumer_key=", "", "consumer_key is empty"),
    ],
)
def test_a_secret_that_does_not_come_is_refused(chansync: Run, pair: str, stdin: str, sentence: str) -> None:
    result = chansync("channel", "set", "shop", pair, stdin=stdin)
    assert result.code == 2
    assert sentence in result.err
    assert "ck_in_the_open" not in result.out + result.err


def test_secrets_are_in_no_output_and_not_in_the_database(chansync: Run, company: Store) -> None:
    secret = "cs_0123456789abcdef"
    lines = ("channel show shop", "channel show shop --json", "channel list --json", "channel export", "log", "status")
    outputs = [
        chansync("channel", "set", "shop", "consumer_secret=-", stdin=f"{secret}\n"),
        *(chansync(*line.split()) for line in lines),
    ]
    assert all(secret not in result.out + result.err for result in outputs)
    company.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for file in company.path.parent.iterdir():
        if file.is_file():
            # Another process reads the bytes: an open() here would drop the locks of this one.
            assert secret.encode() not in _bytes(file)


def _bytes(file: Path) -> bytes:
    import subprocess

    return subprocess.run(["cat", str(file)], capture_output=True, check=True).stdout


def test_a_channel_is_paused_by_somebody_and_resumed(chansync: Run, company: Store) -> None:
    company.db.execute("UPDATE channel SET used = 1, connected_at = 1, facts = '{\"a\": 1}'")
    assert "chansync channel resume shop" in chansync("channel", "pause", "shop").out
    assert pauses(company.db)[1].by
    assert not channels.channel(company.db, "shop")["used"]
    unknown = chansync("channel", "pause", "shop", "nope")
    assert (unknown.code, "There is no channel 'nope'" in unknown.err) == (2, True)
    resumed = chansync("channel", "resume", "shop")
    assert resumed.code == 0, resumed.err
    assert pauses(company.db) == {}
    assert channels.channel(company.db, "shop")["used"]


def test_a_channel_is_removed_only_after_a_yes(chansync: Run, company: Store) -> None:
    refused = chansync("channel", "remove", "shop")
    assert (refused.code, len(channels.all_channels(company.db))) == (2, 1)
    assert "give --yes" in refused.err
    done = chansync("channel", "remove", "shop", "--yes")
    assert done.code == 0
    assert "its settings, keys and mappings" in done.err
    assert channels.all_channels(company.db) == []


def test_unmapped_rows_stand_out(chansync: Run, company: Store) -> None:
    mappings.pick_up(company.db, 1, "payment", [("cod", "Cash on delivery"), ("paypal", "PayPal")])
    lines = chansync("map", "payment", "shop").out.splitlines()
    assert [line for line in lines if "NOT MAPPED" in line] == ["paypal     NOT MAPPED  yes      PayPal"]
    result = chansync("map", "payment", "shop", "paypal=bank", "typo=bank")
    assert result.code == 0
    assert "typo is not among the site's codes" in result.err
    assert chansync("map", "payment", "shop", "typo=").code == 0


def test_pairs_are_mapped_all_or_none(chansync: Run, company: Store) -> None:
    before = mappings.targets(company.db, 1, "payment")
    assert chansync("map", "payment", "shop", "cod=bank", "x=nope").code == 2
    assert mappings.targets(company.db, 1, "payment") == before


def test_what_a_channel_uses_stays_in_the_erp(chansync: Run) -> None:
    result = chansync("erp", "remove", "service", "SHIPPING")
    assert (result.code, result.err) == (
        2,
        "The service SHIPPING cannot be removed: shop (transport_service) use it.\n",
    )
    assert chansync("erp", "remove", "payment-method", "bank").code == 2


def test_an_export_is_imported_from_a_file_and_from_standard_input(chansync: Run, tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    assert chansync("channel", "export", "shop", "-o", str(file)).code == 0
    again = chansync("channel", "import", str(file))
    assert again.out == "system woo: unchanged\nchannel shop: unchanged\n2 unchanged.\n"
    file.write_text(file.read_text().replace('name = "Shop"', 'name = "Store"'))
    dry = chansync("channel", "import", str(file), "--dry-run")
    assert (dry.code, dry.out) == (
        0,
        "system woo: unchanged\nchannel shop: name Shop → Store\n1 changed, 1 unchanged.\n",
    )
    assert chansync("channel", "import", str(file)).out == dry.out
    assert json.loads(chansync("channel", "show", "shop", "--json").out)["values"]["name"] == "Store"


def test_the_database_is_never_taken_for_a_file(chansync: Run, company: Store) -> None:
    for line in ("channel import", "channel export -o", "erp import items", "db backup --force"):
        result = chansync(*line.split(), str(company.path))
        assert (result.code, "is the database itself" in result.err) == (2, True), line


def test_a_database_is_made_checked_and_copied(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "chansync.db"
    missing = run("--db", str(path), "status")
    assert (missing.code, missing.err.startswith("There is no database at")) == (3, True)
    assert run("--db", str(path), "db", "init").out == f"The database {path} is made.\n"
    assert run("--db", str(path), "db", "init").out == f"The database {path} is up to date.\n"
    assert run("--db", str(path), "db", "check").out == f"{path} is sound.\n"
    copy = tmp_path / "copy.db"
    assert run("--db", str(path), "db", "backup", str(copy)).code == 0
    assert run("--db", str(path), "db", "backup", str(copy)).code == 5
    assert run("--db", str(path), "db", "backup", str(copy), "--force").code == 0
    assert run("--db", str(copy), "db", "check").code == 0
    folder = tmp_path / "folder"
    folder.mkdir()
    assert run("--db", str(path), "db", "backup", str(folder)).code == 0
    assert len(list(folder.iterdir())) == 1


def test_damage_is_found(chansync: Run, company: Store) -> None:
    company.db.pragma("foreign_keys", 0)
    company.db.execute("UPDATE erp_pos SET warehouse_id = 99")
    result = chansync("db", "check")
    assert result.code == 1
    assert "erp_pos row 1 points to a row of erp_warehouse that is not there" in result.out


def test_a_payment_method_gets_paid_statuses_of_its_own(chansync: Run, company: Store) -> None:
    assert "cod is paid at completed." in chansync("map", "payment", "shop", "--paid", "cod=completed").out
    assert "cod is paid at completed." in chansync("map", "payment", "shop").out
    told = json.loads(chansync("map", "payment", "shop", "--paid", "cod=", "--json").out)
    assert (told["changed"], told["site_codes"]) == (True, ["cod"])
    assert mappings.paid_statuses(company.db, 1) == {}
