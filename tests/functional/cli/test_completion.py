"""What the shell is told after Tab, by the script that click makes for it."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from chansync.cli.program import program
from chansync.db.connection import Store
from chansync.store import mappings


def offered(*words: str) -> list[str]:
    *typed, last = words
    completing = BashComplete(program, {}, "chansync", "_CHANSYNC_COMPLETE")
    return [item.value for item in completing.get_completions(list(typed), last)]


@pytest.fixture
def there(company: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("CHANSYNC_DB", str(company.path))
    return company


def test_commands_and_options() -> None:
    assert offered("sy") == ["sync", "system"]
    assert "--open" in offered("log", "--")


@pytest.mark.parametrize(
    "words",
    [["sync", "sh"], ["channel", "show", "s"], ["why", "s"], ["map", "payment", "sh"], ["log", "--channel", "s"]],
)
def test_channels_of_the_database(there: Store, words: list[str]) -> None:
    assert offered(*words) == ["shop"]


def test_systems_of_the_database(there: Store) -> None:
    assert offered("system", "show", "") == ["woo"]


def test_no_database_offers_nothing_and_is_not_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "none.db"
    monkeypatch.setenv("CHANSYNC_DB", str(path))
    assert offered("sync", "") == []
    assert not path.exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["channel", "set", "shop", "us"], ["used="]),
        (["channel", "set", "shop", "used="], ["used=yes", "used=no"]),
        (["channel", "set", "shop", "used=y"], ["used=yes"]),
        (["channel", "set", "shop", "name=X", "po"], ["pos="]),
        (["channel", "set", "shop", "pos="], ["pos=MAIN"]),
        (["channel", "set", "shop", "consumer_secret="], []),
        (["channel", "add", "new", "integration_system="], ["integration_system=woo"]),
        (["channel", "add", "new", "pos=MAIN", "delivery_method="], ["delivery_method=courier"]),
        (["map", "payment", "shop", "co"], ["cod="]),
        (["map", "payment", "shop", "cod=c"], ["cod=cash"]),
        (["map", "item", "shop", "512=SKU-001"], ["512=SKU-001"]),
        (["erp", "list", "it"], ["item"]),
        (["erp", "show", "payment-method", "MAIN/b"], ["MAIN/bank"]),
        (["erp", "set", "pos", "MAIN", "ware"], ["warehouse="]),
        (["erp", "set", "pos", "MAIN", "negative_stock="], ["negative_stock=yes", "negative_stock=no"]),
        (["erp", "add", "payment-method", "x", "account="], ["account=BANK"]),
        (["notices", "set", "smtp_security=s"], ["smtp_security=starttls"]),
        (["db", "retention", "set", "keep_j"], ["keep_jobs="]),
        (["log", "--code", "item_u"], ["item_unknown"]),
        (["system", "add", "x", "--kind", "woo"], ["woocommerce"]),
        (["system", "add", "x", "--kind", "amazon", "reg"], ["region="]),
        (["erp", "stock", "--warehouse", ""], ["W1"]),
        (["erp", "sales", "--channel", ""], ["shop"]),
        (["doctor", "s"], ["shop"]),
    ],
)
def test_fields_values_and_codes(there: Store, words: list[str], expected: list[str]) -> None:
    assert offered(*words) == expected


def test_values_of_a_list_follow_one_another(there: Store) -> None:
    mappings.replace_lookups(there.db, 1, "order_status", [(code, code, True) for code in ("failed", "paid", "packed")])
    typed = "order_statuses=failed,pa"
    assert offered("channel", "set", "shop", typed) == ["order_statuses=failed,paid", "order_statuses=failed,packed"]


HOSTILE = ("shop$(touch${IFS}x)", "shop`id`", "shop;id", "shop|id", "shop id", "shop\nid", "shop'", 'shop"', "shop*",
           "shop&", "shop>x", "-shop\x1b]0;x\x07", "shop\u202e", "Shop", "s" * 200)  # fmt: skip


@pytest.mark.parametrize("code", HOSTILE)
def test_what_a_shell_would_act_on_is_never_offered(there: Store, code: str) -> None:
    there.db.execute("UPDATE channel SET code = ?; UPDATE erp_warehouse SET code = ?", (code, code))
    there.db.execute("UPDATE integration_system SET code = ?", (code,))
    there.db.execute("UPDATE mapping SET site_code = ? WHERE site_code = 'cod'", (code,))
    for words in (["sync"], ["system", "show"], ["erp", "show", "warehouse"], ["map", "payment", code]):
        for found in offered(*words, ""):
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,99}=?", found), found
    assert code not in offered("sync", "")


def test_a_view_without_end_and_a_fifo_do_not_hold_the_shell_up(there: Store, tmp_path: Path) -> None:
    there.db.execute("PRAGMA foreign_keys = OFF; ALTER TABLE channel RENAME TO channel_before")
    there.db.execute(
        "CREATE VIEW channel(code) AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
        "SELECT 'shop' FROM n WHERE i < 0"
    )
    assert offered("sync", "") == []
    os.mkfifo(tmp_path / "fifo.db")
    assert offered("--db", str(tmp_path / "fifo.db"), "sync", "") == []


@pytest.fixture(params=["bash --norc --noprofile -i", "zsh -f -i", "fish --no-config"], ids=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, tmp_path: Path, there: Store) -> Callable[..., list[str]]:
    """Types a line into a real shell, presses Tab, and says which words the shell makes of it."""
    words = request.param.split()
    if shutil.which(words[0]) is None:
        pytest.skip(f"there is no {words[0]} here")
    # The script asks the command by its name.
    command = tmp_path / "bin" / "chansync"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m chansync "$@"\n')
    command.chmod(0o755)
    environment = {
        "PATH": f"{command.parent}:{os.environ['PATH']}", "CHANSYNC_DB": str(there.path), "TERM": "dumb",
        "HOME": str(tmp_path), "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    script = tmp_path / "completion"
    asked = {**os.environ, "_CHANSYNC_COMPLETE": f"{words[0]}_source"}
    script.write_text(subprocess.run([command], env=asked, capture_output=True, text=True, check=True).stdout)
    prepare = {"zsh": "autoload -U compinit; compinit -D; bindkey -e; "}.get(words[0], "")

    def typed(line: str, then: str = "") -> list[str]:
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(tmp_path)
            os.execvpe(words[0], words, environment)
        try:
            os.write(terminal, f"{prepare}source {script}; printf '%s%s' REA DY\n".encode())
            _until(terminal, "READY")
            # The words that the line has become are printed, between marks that no echo shows.
            os.write(terminal, f"{line}\t{then}".encode() + b" END\x01printf '<%s>' \x05\n")
            printed = _until(terminal, "<END>").rpartition("<chansync>")
            return ["chansync", *re.findall(r"<([^<>]*)>", printed[2])][:-1]
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)

    return typed


def _until(terminal: int, mark: str) -> str:
    text = ""
    while mark not in text:
        assert select.select([terminal], [], [], 60)[0], text
        text += os.read(terminal, 65536).decode(errors="replace")
    return text


#: What is typed, and the words that Tab makes of it.
LINES = {
    "chansync channel show s": ["chansync", "channel", "show", "shop"],
    "chansync channel set shop used=y": ["chansync", "channel", "set", "shop", "used=yes"],
    "chansync channel set shop name=X pos=": ["chansync", "channel", "set", "shop", "name=X", "pos=MAIN"],
    "chansync map delivery shop flat_rate:1=c": ["chansync", "map", "delivery", "shop", "flat_rate:1=courier"],
    "chansync log --code item_u": ["chansync", "log", "--code", "item_unknown"],
}


def test_the_line_that_a_shell_makes(shell: Callable[..., list[str]]) -> None:
    assert {line: shell(line) for line in LINES} == LINES


def test_no_blank_follows_a_field_that_waits_for_its_value(shell: Callable[..., list[str]]) -> None:
    assert shell("chansync channel set shop us", then="no")[-1] == "used=no"


def test_a_command_of_a_members_making_does_not_come_on_the_line(
    shell: Callable[..., list[str]], there: Store, tmp_path: Path
) -> None:
    there.db.execute("UPDATE channel SET code = 'shop$(touch${IFS}pwned)'")
    assert shell("chansync channel show s") == ["chansync", "channel", "show", "s"]
    assert not (tmp_path / "pwned").exists()
