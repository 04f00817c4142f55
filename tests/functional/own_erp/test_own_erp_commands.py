"""An ERP over HTTP, from its connection to its books: totals are the orders', and what people do there comes back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from chansync.db.connection import open_store
from chansync.demo import company
from chansync.demo.woocommerce import DemoServer, DemoShop
from chansync.setup.confirm import confirm_channel
from support import shops, world
from support.own_erp import TOKEN, UNSENT, OwnErp
from support.patience import PATIENCE


@dataclass(slots=True)
class Connected:
    """An ERP, and chansync that is connected to it."""

    path: Path
    erp: OwnErp

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Done within this process."""
        return subprocess.CompletedProcess(words, *shops.called(*words, database=self.path, stdin=stdin))


@dataclass(slots=True)
class Sold(Connected):
    """With a store that sells through it."""

    shop: DemoShop


@pytest.fixture
def connected(server: OwnErp, template: Path, tmp_path: Path) -> Connected:
    path = tmp_path / "chansync.db"
    world.copy_of(template, tmp_path).close()
    made = Connected(path, server)
    done = made.run("erp", "connect", "http", f"address={server.url}", "--code", "own", stdin=f"{TOKEN}\n")
    assert done.returncode == 0, done.stderr
    assert "Connected to Example company" in done.stdout
    assert TOKEN not in done.stdout + done.stderr
    return made


@pytest.fixture
def sold(connected: Connected) -> Iterator[Sold]:
    shop = DemoShop.create(orders=60, seed=5)
    with DemoServer(shop) as site:
        made = Sold(connected.path, connected.erp, shop)
        store = open_store(made.path)
        try:
            company.set_up_channel(store, site.url, shop.consumer_key, shop.consumer_secret, cadence="1h")
            assert shops.with_store(made.path, lambda opened: confirm_channel(opened, company.CHANNEL)).ok
            company.map_methods(store)
        finally:
            store.close()
        pushes = ("push_statuses=yes", "status_written_out=completed", "status_written_out_and_paid=completed")
        assert made.run("channel", "set", company.CHANNEL, *pushes).returncode == 0
        yield made


def test_every_total_is_the_orders_and_people_there_are_heard(sold: Sold) -> None:
    done = sold.run("sync", "--json")
    assert done.returncode in (0, 1), done.stderr
    rows = sold.erp.sql("SELECT key, document ->> '$.draft.total' FROM sale")
    totals = {int(key.rsplit(":", 1)[1]): Decimal(total) / 100 for key, total in rows}
    assert len(totals) == len(rows) > 30
    for order_id, total in totals.items():
        assert Decimal(sold.shop.order(order_id)["total"]) == total
    assert shops.audited(sold.path).wrong == []
    # Somebody in the ERP sends the goods of a sale.
    [(key, order_id)] = [
        (key, int(key.rsplit(":", 1)[1]))
        for (key,) in sold.erp.sql(f"SELECT key FROM sale WHERE {UNSENT} ORDER BY key")
        if sold.shop.order(int(key.rsplit(":", 1)[1]))["status"] == "processing"
    ][:1]
    sent = '{"number": 0, "lines": [], "at": 1790000000000, "carrier": "DHL", "tracking": "42"}'
    sold.erp.sql("UPDATE sale SET document = json_set(document, '$.sent[0]', json(?)) WHERE key = ?", sent, key)
    sold.run("sync")
    sold.run("sync")
    assert sold.shop.order(order_id)["status"] == "completed"


def test_the_contract_as_a_command(connected: Connected) -> None:
    done = connected.run("erp", "contract", "own", "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {each["outcome"] for each in json.loads(done.stdout)} == {"ok"}
    refused = connected.run("erp", "contract", "own")
    assert (refused.returncode, refused.stderr) == (
        2, "Nothing was sent: there is no terminal to confirm on; give --yes.\n",
    )  # fmt: skip


def test_a_contract_that_is_broken(connected: Connected) -> None:
    connected.erp.faults.add("/views", "empty", times=None, body=b'{"views": []}')
    done = connected.run("erp", "contract", "own", "--yes")
    assert done.returncode == 1
    assert "broken   `views` answers with the sales that there are" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("were skipped.")


def test_what_the_erp_lacks_is_refused_with_its_own_reason(sold: Sold) -> None:
    why = "The warehouse blocks goods by itself."
    answer = {
        "title": "Example company",
        "version": "1",
        "connected_as": "as us",
        "lacks": {"block": why, "magic": "No."},
    }
    sold.erp.faults.add("/check", "empty", times=None, body=json.dumps(answer).encode())
    assert sold.run("erp", "test", "own").returncode == 0
    refused = sold.run("channel", "set", company.CHANNEL, "block_quantities=yes")
    assert refused.returncode == 2
    assert why in refused.stderr
    outcomes = {
        each["check"]: each for each in json.loads(sold.run("erp", "contract", "own", "--yes", "--json").stdout)
    }
    assert outcomes["goods_are_blocked_once"]["outcome"] == "skipped"
    # Whoever asks is answered by the fault.
    assert "is answered, right is 401 or 403" in outcomes.pop("who_lacks_the_secret_is_turned_away")["sentence"]
    assert {each["outcome"] for each in outcomes.values()} == {"ok", "skipped"}


def test_the_example_as_a_command(tmp_path: Path) -> None:
    books = tmp_path / "own-erp.db"
    command = [sys.executable, "-m", "chansync", "erp", "serve-example", "--port", "0", "--db", str(books)]
    said: list[list[str]] = []
    for _ in range(2):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(2 if said else 3)]
            process.send_signal(signal.SIGTERM)
            _, err = process.communicate(timeout=PATIENCE)
        assert err == ""
        said.append(lines)
    assert said[0][0].startswith("New books in ")
    assert "http://127.0.0.1:" in said[1][0]
    # The token stays: chansync knows it.
    assert said[0][-1] == said[1][-1]
    assert books.stat().st_mode & 0o777 == 0o600


def test_the_example_does_not_write_into_what_is_not_its_own(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("no database at all, but a text\n" * 100)
    store = tmp_path / "chansync.db"
    open_store(store).close()
    for file, words in ((other, "cannot hold the example's books"), (store, "is the database itself")):
        before = file.read_bytes()
        command = [sys.executable, "-m", "chansync", "--db", str(store), "erp", "serve-example", "--port", "0"]
        done = subprocess.run(
            [*command, "--db", str(file)], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        assert done.returncode == 2
        assert words in done.stderr
        assert file.read_bytes() == before
