"""A new pair of keys: every secret opens at every moment, whatever is killed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from chansync.db import settings
from chansync.db.connection import Store, open_store
from chansync.db.transaction import transaction
from chansync.model.errors import StoreError, UsageError
from chansync.notices.settings import sealed_password
from chansync.secrets import key_file, rotation, sealing
from chansync.secrets.sealing import Use
from chansync.setup import sealed_places
from chansync.store import channels
from support import world

CLEAR = {"consumer_key": "ck_x", "consumer_secret": "cs_x"}


@pytest.fixture
def key(company: Store) -> Path:
    return company.path.with_suffix(".key")


def _sealed(store: Store) -> set[bytes]:
    return {secret.sealed for secret in rotation.sealed_secrets(store.db)}


def _add_others(store: Store) -> None:
    """A secret in each of the other tables that hold some, and in one that nobody has heard of."""
    db = store.db

    def seal(clear: str, what: str, place: str = "") -> bytes:
        return sealing.seal(db, store.path, clear, Use(what, place))

    system = seal("of the system", "system refresh_token", "eu")
    mail = seal("of the mail", "notices smtp_password", "mail:587")
    with transaction(db):
        db.execute("INSERT INTO system_secret VALUES (1, 'refresh_token', ?, 5)", (system,))
        db.execute("INSERT INTO setting_secret VALUES ('smtp_password', ?, 5)", (mail,))
        db.execute(
            "INSERT INTO notice_route (user, name, service, sealed, created_at) VALUES ('ann', 'chat', 'x', ?, 5)",
            (seal("of the chat", "notices address"),),
        )
        db.execute("CREATE TABLE erp_login (id INTEGER PRIMARY KEY, sealed BLOB) STRICT")
        db.execute("INSERT INTO erp_login (sealed) VALUES (?), (NULL)", (seal("of the ERP", "erp login"),))


def test_every_secret_is_sealed_to_a_new_key_and_the_old_one_is_gone(company: Store, key: Path) -> None:
    _add_others(company)
    before, old_key, old_public = _sealed(company), key.read_text(), sealing.public_key(company.db)
    done = rotation.rotate(company.db, key)
    assert (done.sealed_anew, done.lost) == (6, [])
    assert _sealed(company) & before == set()
    assert sealing.open_all(company.db, company.path, 1, world.PLACE) == CLEAR
    assert sealing.open_all(company.db, company.path, 1, "eu", "system") == {"refresh_token": "of the system"}
    assert (
        sealing.open_one(company.path, lambda: sealed_password(company.db), "notices smtp_password", "mail:587")
        == "of the mail"
    )
    [(route,)] = company.db.execute("SELECT sealed FROM notice_route").fetchall()
    assert sealing.open_one(company.path, lambda: route, "notices address") == "of the chat"
    assert sealing.public_key(company.db) != old_public
    assert old_key.strip() not in key.read_text()
    assert len(key.read_text().split()) == 1
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    # The old key, found in a bin, opens nothing any more.
    key.write_text(old_key)
    with pytest.raises(StoreError, match="another private key"):
        sealing.open_all(company.db, company.path, 1, world.PLACE)


def test_what_is_entered_afterwards_opens(company: Store, key: Path) -> None:
    rotation.rotate(company.db, key)
    world.add_channel(company, code="second", key="ck_second", secret="cs_second")
    second = channels.channel(company.db, "second")
    assert sealing.open_all(company.db, company.path, second.id, world.PLACE)["consumer_key"] == "ck_second"


_KILLED = """
import os, sys
from pathlib import Path
from chansync.notices.settings import sealed_password
from chansync.secrets import rotation
from chansync.db.connection import open_store

path, stop_at = Path(sys.argv[1]), int(sys.argv[2])
store = open_store(path)
lines = 0

def trace(frame, event, argument):
    global lines
    if "/chansync/store/" not in frame.f_code.co_filename:
        return None
    if event == "line":
        lines += 1
        if lines == stop_at:
            os.kill(os.getpid(), 9)
    return trace

sys.settrace(trace)
rotation.rotate(store.db, path.with_suffix(".key"))
sys.settrace(None)
print(lines)
"""


def _rotate_killed_at(path: Path, line: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _KILLED, str(path), str(line)], capture_output=True, text=True, check=False
    )


def test_killed_at_any_line_every_secret_still_opens_and_the_next_rotation_ends_it(company: Store, key: Path) -> None:
    path = company.path
    company.close()
    whole = _rotate_killed_at(path, -1)
    assert whole.returncode == 0, whole.stderr
    lines = int(whole.stdout)
    for line in range(1, lines, 5):
        assert _rotate_killed_at(path, line).returncode == -9
        store = open_store(path)
        assert sealing.open_all(store.db, path, 1, world.PLACE) == CLEAR
        assert sealing.trouble(store.db, path) == ""
        store.close()
    store = open_store(path)
    assert rotation.rotate(store.db, key).sealed_anew == 2
    assert len(key.read_text().split()) == 1
    assert sealing.open_all(store.db, path, 1, world.PLACE) == CLEAR
    assert not list(path.parent.glob(".chansync.key*"))
    store.close()


def test_two_rotations_at_once_lose_nothing(company: Store, key: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from chansync.secrets import rotation; from chansync.db.connection import open_store\n"
        "path = Path(sys.argv[1]); store = open_store(path)\n"
        "for _ in range(30): rotation.rotate(store.db, path.with_suffix('.key'))\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(company.path)]) for _ in range(3)]
    while any(process.poll() is None for process in processes):
        assert sealing.open_all(company.db, company.path, 1, world.PLACE) == CLEAR
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert sealing.open_all(company.db, company.path, 1, world.PLACE) == CLEAR
    assert len(key.read_text().split()) == 1


@pytest.fixture
def overtaken(company: Store, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process is quicker, three times: it rotates between every two looks of this one."""
    other = open_store(company.path)
    left = [3]
    real = sealing.keys_here

    def slow(path: Path) -> object:
        if left[0]:
            left[0] -= 1
            rotation.rotate(other.db, key)
        return real(path)

    monkeypatch.setattr(sealing, "keys_here", slow)


@pytest.mark.usefixtures("overtaken")
class TestRotationsThatOvertake:
    def test_secrets_open(self, company: Store) -> None:
        assert sealing.open_all(company.db, company.path, 1, world.PLACE) == CLEAR

    def test_the_key_is_the_right_one(self, company: Store) -> None:
        assert sealing.trouble(company.db, company.path) == ""

    def test_every_secret_is_said_to_open(self, company: Store) -> None:
        state = rotation.state(company.db, company.path)
        assert (state.trouble, [opens for _, opens in state.found]) == ("", [True, True])


def test_a_disk_that_is_full_leaves_all_as_it_was(company: Store, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    before = key.read_text(), _sealed(company)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        rotation.rotate(company.db, key)
    assert (key.read_text(), _sealed(company)) == before
    assert sealing.open_all(company.db, company.path, 1, world.PLACE) == CLEAR


class TestALostKey:
    def test_the_way_back(self, company: Store, key: Path) -> None:
        key.unlink()
        with pytest.raises(StoreError, match="secrets rotate --lost"):
            sealing.open_all(company.db, company.path, 1, world.PLACE)
        with pytest.raises(StoreError, match="is missing"):
            rotation.rotate(company.db, key)
        done = rotation.start_over(company.db, key)
        assert [(secret.owner, secret.name) for secret in done.lost] == [
            ("shop", "consumer_key"), ("shop", "consumer_secret")
        ]  # fmt: skip
        assert sealing.trouble(company.db, company.path) == ""
        sealed = sealed_places.seal(company, "channel", CLEAR, world.PLACE)
        channel = channels.channel(company.db, "shop")
        channels.save_channel(company.db, channel.id, {}, sealed)
        assert sealing.open_all(company.db, company.path, 1, world.PLACE) == CLEAR

    def test_a_key_that_turns_up_again_is_put_beside_the_new_one(self, company: Store, key: Path) -> None:
        found = key.read_text()
        key.unlink()
        rotation.start_over(company.db, key)
        key.write_text(key.read_text() + found)
        assert sealing.open_all(company.db, company.path, 1, world.PLACE) == CLEAR

    def test_a_key_that_opens_is_not_lost(self, company: Store, key: Path) -> None:
        with pytest.raises(UsageError, match="is not lost"):
            rotation.start_over(company.db, key)
        assert sealing.open_all(company.db, company.path, 1, world.PLACE) == CLEAR

    def test_a_key_of_another_database_is_said_to_be_one(self, company: Store, key: Path) -> None:
        key_file.replace(company.path, key, [b"x" * 32])
        assert "does not belong to this database" in sealing.trouble(company.db, company.path)


@pytest.mark.parametrize("content", ["", "zz", "ab" * 31, "\x80"])
def test_a_file_that_holds_no_key_is_said_to(company: Store, key: Path, content: str) -> None:
    key.write_bytes(content.encode("latin-1"))
    assert "is not a private key of chansync" in sealing.trouble(company.db, company.path)


def test_a_credential_is_used_and_never_written(
    company: Store, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    key.rename(folder / "chansync.key")
    # systemd gives it whatever mode it thinks right.
    (folder / "chansync.key").chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    assert sealing.open_all(company.db, company.path, 1, world.PLACE) == CLEAR
    with pytest.raises(UsageError, match="only systemd writes"):
        rotation.rotate(company.db, folder / "chansync.key")
    assert sealing.trouble(company.db, company.path) == ""
    assert not key.exists()
    # The credential is lost for whoever is not the service; the new key is in the file, and the service takes both.
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert rotation.start_over(company.db, key).sealed_anew == 0
    world.add_channel(company, code="second", key="ck_second", secret="cs_second")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    second = channels.channel(company.db, "second")
    assert sealing.open_all(company.db, company.path, second.id, world.PLACE)["consumer_key"] == "ck_second"
    assert sealing.open_all(company.db, company.path, 1, world.PLACE) == CLEAR
    assert sealing.trouble(company.db, company.path) == ""


def test_a_key_that_only_the_service_has_is_told_as_such_until_the_service_starts_without_it(
    company: Store, key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    key.rename(folder / "chansync.key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(folder))
    rotation.note_held(company.db, company.path)
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    told = rotation.state(company.db, company.path)
    assert ("credential of the service" in told.elsewhere, told.trouble) == (True, "")
    with pytest.raises(UsageError, match="--key"):
        rotation.rotate(company.db, key)
    # The next start finds no credential.
    rotation.note_held(company.db, company.path)
    told = rotation.state(company.db, company.path)
    assert (told.elsewhere, "is missing" in told.trouble) == ("", True)
    assert rotation.start_over(company.db, key).sealed_anew == 0


def test_the_state_tells_no_secret(company: Store, key: Path) -> None:
    told = rotation.state(company.db, company.path)
    assert [(secret.owner_kind, secret.owner, secret.name, opens) for secret, opens in told.found] == [
        ("channel", "shop", "consumer_key", True), ("channel", "shop", "consumer_secret", True)
    ]  # fmt: skip
    assert told.trouble == ""
    assert "ck_x" not in repr(told)
    fingerprint = told.fingerprint
    rotation.rotate(company.db, key)
    assert rotation.state(company.db, company.path).fingerprint != fingerprint
    settings.put(company.db, sealing.PUBLIC_KEY, "00" * 32)
    assert "does not belong" in rotation.state(company.db, company.path).trouble
