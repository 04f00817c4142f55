"""Nonsense in the cells of a database ends as a sentence, and what can be learned anew is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from chansync.cli.support import exit_codes
from faults import cells
from faults.impatience import impatient

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A company that has sold, and the words for commands about it."""
    path = tmp_path_factory.mktemp("filled") / "chansync.db"
    return path, cells.fill(path)


@pytest.fixture
def spoilt(filled: tuple[Path, dict[str, str]], tmp_path: Path) -> Callable[[str], Path]:
    """Copies the company and runs a statement of another program on the copy."""

    def make(statement: str) -> Path:
        path = tmp_path / "chansync.db"
        shutil.copy(filled[0], path)
        shutil.copy(filled[0].with_suffix(".key"), path.with_suffix(".key"))
        db = apsw.Connection(str(path))
        db.execute(statement)
        db.close()
        return path

    return make


@pytest.mark.parametrize(
    ("statement", "command", "code", "told"),
    [
        ("UPDATE channel SET facts = '2026-13-45'", "channel show {channel}", 0, ""),
        ("UPDATE stream SET cursor = '[1, {}]'", "status", 0, ""),
        ("UPDATE message SET data = '['", "log --open --json", 0, ""),
        ("UPDATE message SET first_at = 9223372036854775807", "log --open --json", 0, ""),
        ('UPDATE "order" SET raw = \'{"a": [\'', "why {channel} {order}", 0, ""),
        ("""UPDATE "order" SET todo = '"x"'""", "why {channel} {order}", 3, "left to do with an order"),
        ("UPDATE channel_parameter SET value = '['", "channel list", 0, ""),
        ("UPDATE channel_parameter SET value = '1'", "channel show {channel}", 0, ""),
        ("UPDATE channel_parameter SET value = '2026-13-45'", "status", 0, ""),
        ("UPDATE system_parameter SET value = '['", "system list", 0, ""),
        ("UPDATE erp_sale_line SET quantity = 'x'", "erp check", 1, ""),
        ("UPDATE erp_sale_line SET net = 9223372036854775807", "erp check", 1, ""),
        ("UPDATE setting SET value = 'NaN'", "doctor", 1, ""),
        ("UPDATE setting SET value = '-1'", "status", 0, ""),
        ("UPDATE setting SET value = '9'", "db retention show", 0, ""),
    ],
)
def test_a_command_says_what_is_wrong_with_the_database(
    filled: tuple[Path, dict[str, str]],
    spoilt: Callable[[str], Path],
    statement: str,
    command: str,
    code: int,
    told: str,
) -> None:
    ended, _, err = cells.said(command.format(**filled[1]).split(), spoilt(statement))
    assert (ended, told in err) == (code, True), err
    assert "fault of its own" not in err
    if code == exit_codes.DATABASE:
        assert "chansync db restore" in err


def test_a_sync_with_nonsense_for_what_it_learned_does_not_fail_by_itself(
    filled: tuple[Path, dict[str, str]], spoilt: Callable[[str], Path]
) -> None:
    path = spoilt("UPDATE channel SET facts = '[]'; UPDATE stream SET cursor = 'x'")
    with impatient():
        _, _, err = cells.said(["sync", filled[1]["channel"]], path)
    # The store is gone: that is all that is wrong.
    assert "refuses the connection" in err


@pytest.mark.parametrize("name", ["notice_user", "order_statuses", "used", "push_exact_quantities", "code"])
@pytest.mark.parametrize("value", ["[", "1", '{"a": 1}'])
def test_a_channel_does_not_sync_by_a_setting_that_nobody_made(
    filled: tuple[Path, dict[str, str]], spoilt: Callable[[str], Path], name: str, value: str
) -> None:
    channel = filled[1]["channel"]
    path = spoilt(f"UPDATE channel_parameter SET value = '{value}' WHERE name = '{name}'")
    with impatient():
        code, _, err = cells.said(["sync", channel], path)
    assert (code, f"the stored {name} of the channel {channel} is invalid" in err) == (exit_codes.PROBLEMS, True), err
    assert f"the stored {name} of the channel" in cells.said(["log", "--open"], path)[1].replace("\n", " ")


def test_what_is_set_again_counts(filled: tuple[Path, dict[str, str]], spoilt: Callable[[str], Path]) -> None:
    channel = filled[1]["channel"]
    path = spoilt("UPDATE channel_parameter SET value = '[' WHERE name = 'orders_every'")
    assert cells.said(["channel", "set", channel, "orders_every=5min"], path)[0] == 0
    with impatient():
        assert "refuses the connection" in cells.said(["sync", channel], path)[2]
