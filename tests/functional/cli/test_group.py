"""The daemon's user, sysadmins of its group and strangers on one database, as real users; needs root."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import nacl.public  # noqa: F401 - a forked process that is another user may not read where it is
import pytest

from chansync.cli.main import main
from chansync.db.connection import Store, open_store
from chansync.db.locations import key_file, private_folder
from chansync.model.errors import StoreError
from chansync.platforms import registry
from chansync.secrets import sealing
from chansync.store import channels, jobs
from support import world
from support.users import ADMIN, DAEMON, GROUP, ROOT, STRANGER, as_user, command, needs_users

pytestmark = needs_users


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """As the service's: 2770, of the daemon's user and the group, beside a private one."""
    base = Path(tempfile.mkdtemp(prefix="chansync-group-"))
    base.chmod(0o755)
    for name, mode in (("chansync", 0o2770), ("chansync-private", 0o710)):
        (base / name).mkdir()
        os.chown(base / name, DAEMON, GROUP)
        (base / name).chmod(mode)
    yield base / "chansync"
    shutil.rmtree(base)


@pytest.fixture
def path(folder: Path, company: Store, run: object, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A database in it that the daemon has made, with its key."""
    made = folder / "chansync.db"
    company.db.execute("DELETE FROM channel; DELETE FROM setting")
    company.close()
    shutil.copy(company.path, made)
    os.chown(made, DAEMON, GROUP)
    made.chmod(0o660)
    monkeypatch.setenv("CHANSYNC_DB", str(made))
    _import_everything()
    assert as_user(DAEMON, lambda: _start(made), umask=0o007).code == 0
    return made


def _import_everything() -> None:
    """Whatever the commands import is imported now: another user may not read where it is."""
    registry.platform("woocommerce")
    for module in ("fields", "session", "failures", "jobs"):
        import_module(f"chansync.cli.support.{module}")
    for module in ("channel.show", "channel.edit", "doctor", "secrets", "sync"):
        import_module(f"chansync.cli.{module}")
    for module in (
        "chansync.doctor.examination",
        "chansync.job_runner",
        "chansync.sync.runner",
        "chansync.sync.daemon_jobs",
        "textwrap",
        "shlex",
    ):
        import_module(module)
    for module in (
        "chansync.setup.setup_file.applying",
        "chansync.setup.setup_file.exporting",
        "chansync.cli.setup_files",
        "tomlkit",
        "difflib",
        "encodings.utf_8_sig",
    ):
        import_module(module)


def _start(path: Path) -> int:
    """What the daemon does about its key when it starts."""
    store = open_store(path)
    sentence = sealing.trouble(store.db, path)
    store.close()
    print(sentence)
    return bool(sentence)


def _add_channel(path: Path) -> None:
    store = open_store(path)
    world.add_channel(store, key="ck_needle", secret="cs_needle")
    store.close()


def _modes(folder: Path) -> dict[str, tuple[int, int, int]]:
    return {
        file.name: (file.stat().st_uid, file.stat().st_gid, stat.S_IMODE(file.stat().st_mode))
        for file in folder.iterdir()
    }


def test_the_key_is_the_daemons_alone(path: Path) -> None:
    assert _modes(path.parent).keys() <= {"chansync.db", "chansync.db.migrating"}
    assert _modes(private_folder(path)) == {
        "chansync.key": (DAEMON, GROUP, 0o600), "chansync.pub": (DAEMON, GROUP, 0o640)
    }  # fmt: skip
    key = key_file(path)
    assert "Permission denied" in as_user(ADMIN, lambda: print(key.read_text())).text


def test_a_daemon_that_its_files_are_closed_to_is_not_started_again_and_again(path: Path) -> None:
    for module in ("chansync.cli.daemon", "chansync.cli.support.failures", "chansync_daemon.main", "apsw.aio"):
        import_module(module)
    os.chown(path, 0, 0)
    path.chmod(0o600)
    told = as_user(DAEMON, lambda: main(["daemon"]))
    assert (told.code, "check" in told.text, "Traceback" in told.text) == (77, True, False), told.text
    path.parent.chmod(0)
    assert as_user(DAEMON, lambda: main(["daemon"])).code == 77
    path.parent.chmod(0o2770)
    assert as_user(STRANGER, lambda: main(["daemon"])).code == 77


def test_an_admin_sets_a_secret_that_the_daemon_opens_and_he_cannot(path: Path) -> None:
    done = as_user(ADMIN, lambda: _add_channel(path))
    assert (done.code, done.text) == (0, "")
    words = ["channel", "set", "shop", "consumer_secret=-", "name=Renamed"]
    changed = as_user(ADMIN, lambda: main(words), stdin="cs_other_needle\n")
    assert changed.code == 0, changed.text

    def read() -> None:
        store = open_store(path)
        print(sealing.open_all(store.db, path, 1, world.PLACE))
        store.close()

    assert "cs_other_needle" in as_user(DAEMON, read).text
    refused = as_user(ADMIN, read)
    assert "may not be read by this user" in refused.text
    for words in (["secrets", "status", "--json"], ["channel", "show", "shop", "--json"], ["channel", "export"]):
        told = as_user(ADMIN, lambda words=words: main(words))
        assert "needle" not in told.text
    told = as_user(ADMIN, lambda: main(["secrets", "status"]))
    assert (told.code, "not told here" in told.text, "the daemon's user, may open" in told.text) == (0, True, True)
    assert as_user(ADMIN, lambda: main(["secrets", "rotate"])).code == 3
    assert b"needle" not in b"".join(file.read_bytes() for file in path.parent.iterdir())


@pytest.mark.parametrize(("first", "second"), [(ADMIN, DAEMON), (DAEMON, ADMIN)])
@pytest.mark.parametrize("mask", [0o022, 0o077])
def test_what_a_killed_process_leaves_behind_shuts_nobody_out(path: Path, first: int, second: int, mask: int) -> None:
    def write_and_die() -> None:
        store = open_store(path)
        store.db.execute("INSERT INTO setting VALUES ('mine', 'kept')")
        os.kill(os.getpid(), signal.SIGKILL)

    def write_too() -> None:
        store = open_store(path)
        store.db.execute("UPDATE setting SET value = value || ' and changed' WHERE name = 'mine'")
        print(store.db.execute("SELECT value FROM setting WHERE name = 'mine'").get)
        store.close()

    assert as_user(first, write_and_die, umask=mask).code == -9
    left = _modes(path.parent)
    assert left["chansync.db-wal"] == left["chansync.db-shm"] == (first, GROUP, 0o660)
    assert as_user(second, write_too, umask=mask).text == "kept and changed\n"


def test_before_the_daemons_first_start_an_admin_is_told_to_start_it(path: Path) -> None:
    key_file(path).unlink()
    store = open_store(path)
    store.db.execute("DELETE FROM setting")
    store.close()

    def enter() -> int:
        try:
            _add_channel(path)
        except StoreError as error:
            print(error)
        return 0

    told = as_user(ADMIN, enter).text
    assert "the user of the daemon, and root may do this" in told
    assert "start the daemon" in told
    assert not key_file(path).exists()
    assert as_user(DAEMON, lambda: _start(path)).code == 0
    assert as_user(ADMIN, enter).text == ""


def test_a_stranger_is_told_of_the_group(path: Path) -> None:
    told = as_user(STRANGER, lambda: main(["channel", "list"]))
    assert told.code == 3
    assert f"it is for the group {GROUP} (usermod -aG {GROUP} NAME, then log in anew)" in told.text


def test_doctor_tells_a_stranger_of_the_group(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The one of the tests may lie where only root comes to.
    monkeypatch.setattr(sys, "executable", "/usr/bin/env")
    told = as_user(STRANGER, lambda: main(["doctor", "--no-sites", "--json"]))
    assert told.code == 1, told.text
    found = {each["area"]: each for each in json.loads(told.text)["findings"]}
    assert found["database"]["level"] == "problem"
    assert f"usermod -aG {GROUP} NAME, then log in anew" in found["database"]["sentence"]


def test_a_member_without_a_daemon_is_told_the_command(path: Path) -> None:
    assert as_user(ADMIN, lambda: _add_channel(path) or 0).code == 0
    for line in (["sync", "shop", "--dry-run"], ["channel", "test", "shop"]):
        told = as_user(ADMIN, lambda line=line: main(line))  # type: ignore[misc]
        assert told.code == 3
        assert "no daemon runs that could do this for you" in told.text
        assert told.text.endswith(f": sudo -u {DAEMON} chansync --db {path} {' '.join(line)}\n")


def test_a_member_applies_a_set_up_and_one_that_is_there_already_changes_nothing(path: Path, folder: Path) -> None:
    file = folder.parent / "set-up.toml"
    file.write_text(
        '[systems.woo]\nname = "W"\nkind = "woocommerce"\n[channels.s]\nname = "S"\nintegration_system = "woo"\n'
        'store_domain = "s.example"\nconsumer_key = {env = "SHOP_KEY"}\n'
    )
    file.chmod(0o644)
    os.environ["SHOP_KEY"] = "ck_needle"
    try:
        told = [
            as_user(ADMIN, lambda more=more: main(["apply", str(file), "--json", *more])).text
            for more in ([], [], ["--keep-secrets"])
        ]
    finally:
        del os.environ["SHOP_KEY"]
    # Who cannot open what is stored cannot see that it is the same.
    assert [json.loads(text)["changed"] for text in told] == [True, True, False]
    assert json.loads(told[1])["changes"] == ["channel s: consumer_key is entered"]
    assert "needle" not in "".join(told)


def test_what_root_makes_belongs_to_the_daemon(folder: Path) -> None:
    made = folder / "chansync.db"

    for words, stdin in (
        (("db", "init"), ""),
        (("notices", "set", "smtp_host=mail.example", "mail_from=me@shop.example", "smtp_password=-"), "cs_needle\n"),
        (("status",), ""),
        (("doctor", "--no-sites"), ""),
        (("secrets", "status"), ""),
    ):
        done = command(ROOT, *words, database=made, stdin=stdin, umask=0o077)
        assert done.code == 0 or words == ("doctor", "--no-sites"), done.text
    assert _modes(folder) == {
        "chansync.db": (DAEMON, GROUP, 0o660),
        "chansync.lock": (DAEMON, GROUP, 0o660),
    }
    assert _modes(private_folder(made)) == {
        "chansync.key": (DAEMON, GROUP, 0o600),
        "chansync.pub": (DAEMON, GROUP, 0o640),
    }
    assert as_user(DAEMON, lambda: _start(made)).code == 0
    assert as_user(ADMIN, lambda: open_store(made).close()).code == 0


def test_the_screens_of_a_member_without_a_daemon_say_what_helps(path: Path) -> None:
    """The screens queue a job, and perform it themselves where no daemon runs."""
    assert as_user(ADMIN, lambda: _add_channel(path) or 0).code == 0
    for module in ("chansync.job_runner", "apsw.aio", "chansync.platforms.woocommerce.connector"):
        import_module(module)
    store = open_store(path)
    job_id = jobs.ask(store.db, "test", channels.channel(store.db, "shop").id, {}, "ann")
    store.close()
    performed = as_user(ADMIN, lambda: import_module("chansync.job_runner").work_off(path, job_id))
    assert performed.code == 0, performed.text
    store = open_store(path)
    job = jobs.job(store.db, job_id)
    store.close()
    assert job is not None
    assert job.state == "failed"
    assert job.result is not None
    assert job.result["code"] == "secret_unreadable"
    assert f"Start it: sudo -u {DAEMON} chansync --db {path} daemon" in job.result["sentence"]
