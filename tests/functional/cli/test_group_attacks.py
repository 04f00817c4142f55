"""A member of the group who is up to something: he may edit, also by other programs; no key may become his."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import nacl.public
import pytest

from chansync.cli.main import main
from chansync.model.errors import StoreError
from chansync.store import channels, rotation, secrets
from chansync.store.connection import Store, open_store
from chansync.store.secrets import Use
from chansync.sync.notices.settings import mail_server
from chansync.sync.sealing import channel_place
from functional.cli.test_group import _add_channel, _start, folder, path  # noqa: F401 - fixtures
from support import world
from support.users import ADMIN, DAEMON, GROUP, as_user

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become other users")

#: What a member does to the database by another program.
Sql = list[tuple[str, tuple[object, ...]]]


@pytest.fixture
def shared(path: Path) -> Path:  # noqa: F811
    """The shared database, with a channel whose keys an admin has entered."""
    assert as_user(ADMIN, lambda: _add_channel(path)).code == 0
    return path


def _meddle(path: Path, *statements: str) -> None:  # noqa: F811
    def work() -> None:
        with contextlib.closing(apsw.Connection(str(path))) as db:
            for statement in statements:
                db.execute(statement)

    assert as_user(ADMIN, work).text == ""


def _daemon_opens(path: Path, use: Callable[[Store], object]) -> str:  # noqa: F811
    def work() -> None:
        store = open_store(path)
        try:
            print(use(store))
        except StoreError as error:
            print(f"refused: {error}")
        finally:
            store.close()

    return as_user(DAEMON, work).text


def _keys(store: Store) -> object:
    """As a connector gets them: for the address that stands beside them."""
    channel = channels.channel(store.db, "shop")
    return secrets.open_all(store.db, store.path, channel.id, channel_place(channel.values))


def test_keys_do_not_follow_an_address_that_was_written_by_another_program(shared: Path) -> None:
    assert "cs_needle" in _daemon_opens(shared, _keys)
    _meddle(
        shared,
        """UPDATE channel_parameter SET value = '"evil.example"' WHERE name = 'store_domain'""",
        "UPDATE channel SET connected_at = NULL",
    )
    told = _daemon_opens(shared, _keys)
    assert "was entered for http://127.0.0.1:1 and is not sent to https://evil.example" in told
    assert "needle" not in told


def test_keys_do_not_follow_an_address_that_is_imported(shared: Path, tmp_path: Path) -> None:
    file = shared.parent / "channels.toml"
    exported = as_user(ADMIN, lambda: main(["channel", "export", "shop"]))
    file.write_text(exported.text.replace("http://127.0.0.1:1", "https://evil.example"))
    file.chmod(0o644)
    assert as_user(ADMIN, lambda: main(["channel", "import", str(file)])).code == 0
    assert "is not sent to https://evil.example" in _daemon_opens(shared, _keys)


def test_a_secret_in_anothers_place_does_not_open(shared: Path) -> None:
    # The key goes in the address in clear, the password to a server of one's choice: neither may be the secret.
    _meddle(
        shared,
        """UPDATE channel_secret SET sealed = (SELECT sealed FROM channel_secret WHERE name = 'consumer_secret')
           WHERE name = 'consumer_key'""",
    )
    told = _daemon_opens(shared, _keys)
    assert "was entered as channel consumer_secret" in told
    _meddle(
        shared,
        "INSERT INTO setting_secret SELECT 'smtp_password', sealed, 0 FROM channel_secret LIMIT 1",
        "INSERT OR REPLACE INTO setting VALUES ('smtp_host', '127.0.0.1'), ('smtp_port', '1'), ('smtp_user', 'me')",
    )
    told = _daemon_opens(shared, lambda store: mail_server(store.db, store.path))
    assert told.startswith("refused: ")
    assert "needle" not in told


@pytest.mark.parametrize(
    ("words", "statement"),
    [
        (["smtp_host=evil.example"], "UPDATE setting SET value = 'evil.example' WHERE name = 'smtp_host'"),
        (["smtp_port=2525"], "INSERT OR REPLACE INTO setting VALUES ('smtp_port', '2525')"),
    ],
)
def test_the_mail_password_does_not_follow_to_another_server(shared: Path, words: list[str], statement: str) -> None:
    start = ["notices", "set", "smtp_host=mail.example", "smtp_user=me@shop.example", "smtp_password=-"]
    assert as_user(ADMIN, lambda: main(start), stdin="pw_needle\n").code == 0
    assert "needle" in _daemon_opens(shared, lambda store: mail_server(store.db, store.path))
    refused = as_user(ADMIN, lambda: main(["notices", "set", *words]))
    assert refused.code == 2
    assert "smtp_password was entered for mail.example:587: enter it again" in refused.text
    _meddle(shared, statement)
    told = _daemon_opens(shared, lambda store: mail_server(store.db, store.path))
    assert "was entered for mail.example:587 and is not sent to" in told
    # Who enters it again may move it.
    again = as_user(ADMIN, lambda: main(["notices", "set", *words, "smtp_password=-"]), stdin="pw_other\n")
    assert again.code == 0, again.text


def test_nothing_is_sealed_to_a_public_key_of_a_members_own(shared: Path) -> None:
    own = nacl.public.PrivateKey.generate()
    _meddle(shared, f"UPDATE setting SET value = '{bytes(own.public_key).hex()}' WHERE name = 'public_key'")
    words = ["channel", "set", "shop", "consumer_secret=-"]
    refused = as_user(ADMIN, lambda: main(words), stdin="cs_new_needle\n")
    assert refused.code == 3
    assert "The public key in the database is not the daemon's" in refused.text
    # His own file of it is none, nor is a link.
    public = shared.with_suffix(".pub")
    for plant in (
        lambda: public.write_text(bytes(own.public_key).hex()) and None,
        lambda: public.symlink_to("/etc/hostname"),
    ):
        public.unlink()
        assert as_user(ADMIN, plant).code == 0
        refused = as_user(ADMIN, lambda: main(words), stdin="cs_new_needle\n")
        assert "is missing or not the daemon's" in refused.text
    # The way out that the sentence tells.
    assert as_user(DAEMON, lambda: main(["secrets", "rotate"])).code == 0
    assert as_user(ADMIN, lambda: main(words), stdin="cs_new_needle\n").code == 0
    assert "cs_new_needle" in _daemon_opens(shared, _keys)


def test_a_key_file_of_a_members_own_is_used_by_nobody(shared: Path) -> None:
    key, kept = shared.with_suffix(".key"), shared.with_suffix(".kept")
    shutil.copy2(key, kept)
    os.chown(kept, DAEMON, GROUP)
    own = bytes(nacl.public.PrivateKey.generate()).hex()

    def plant() -> None:
        key.unlink()
        key.write_text(own)
        key.chmod(0o600)

    assert as_user(ADMIN, plant).code == 0
    for words in (["secrets", "rotate"], ["secrets", "rotate", "--lost"]):
        with contextlib.redirect_stderr(None):
            code = main(words)
        assert code == 3, "root does not take it either"
        assert key.read_text() == own
    # The way out: the file goes, and what root makes is the daemon's, whoever had put what there.
    key.unlink()
    assert as_user(ADMIN, lambda: key.symlink_to("/nowhere/at/all")).code == 0
    store = open_store(shared)
    rotation.start_over(store.db, key)
    store.close()
    assert (key.stat().st_uid, key.stat().st_mode & 0o777, key.is_symlink()) == (DAEMON, 0o600, False)
    assert as_user(DAEMON, lambda: _start(shared)).code == 0


@pytest.mark.parametrize("command", [["status"], ["db", "init"], ["secrets", "status"], ["doctor", "--no-sites"]])
def test_root_follows_no_link_that_a_member_put_in_the_databases_place(
    shared: Path, tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "made-by-root"

    def plant() -> None:
        shared.unlink()
        shared.symlink_to(target)

    assert as_user(ADMIN, plant).code == 0
    main(command)
    assert not target.exists()
    target.write_text("of root\n")
    before = target.stat()
    main(command)
    after = target.stat()
    assert (before.st_uid, before.st_mode, target.read_text()) == (after.st_uid, after.st_mode, "of root\n")
    told = capsys.readouterr()
    assert "is a link" in told.err + told.out


def test_a_tables_name_is_no_sql_for_root(shared: Path, tmp_path: Path) -> None:
    target = tmp_path / "attached.db"
    name = f'x"" SET sealed = 1; ATTACH ""{target}"" AS e; CREATE TABLE e.t (a); --'
    _meddle(shared, f'CREATE TABLE "{name}" (sealed BLOB)', f"INSERT INTO \"{name}\" VALUES (x'00')")
    assert main(["secrets", "rotate"]) == 1, "what is no secret is named as lost"
    assert not target.exists()
    assert "cs_needle" in _daemon_opens(shared, _keys)


def test_what_an_earlier_version_sealed_for_any_place_is_bound_by_a_rotation(shared: Path) -> None:
    store = open_store(shared)
    public = bytes.fromhex(secrets.public_key(store.db) or "")
    loose = secrets.seal_to(public, b"cs_loose_needle")
    store.db.execute("UPDATE channel_secret SET sealed = ? WHERE name = 'consumer_secret'", (loose,))
    assert [secret.name for secret in rotation.state(store.db, shared).loose] == ["consumer_secret"]
    store.close()
    assert "cs_loose_needle" in _daemon_opens(shared, _keys)
    assert main(["secrets", "rotate"]) == 0
    assert "cs_loose_needle" in _daemon_opens(shared, _keys)
    _meddle(shared, """UPDATE channel_parameter SET value = '"evil.example"' WHERE name = 'store_domain'""")
    assert "is not sent to https://evil.example" in _daemon_opens(shared, _keys)
    # What he kept from before is sealed to a key that is gone.
    store = open_store(shared)
    store.db.execute("UPDATE channel_secret SET sealed = ? WHERE name = 'consumer_secret'", (loose,))
    store.close()
    assert "needle" not in _daemon_opens(shared, _keys)


def test_whoever_may_read_the_key_moves_a_channel_without_entering_it_again(company: Store) -> None:
    from chansync.sync import configuration

    configuration.change_channel(company, "shop", {"store_domain": "shop.example"})
    opened = secrets.open_all(company.db, company.path, 1, "https://shop.example")
    assert opened == {"consumer_key": "ck_x", "consumer_secret": "cs_x"}
    assert Use("channel consumer_key", world.PLACE) != Use("channel consumer_key", "https://shop.example")


def test_doctor_finds_what_acts_by_itself_and_its_cure_works(shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["doctor", "--no-sites"])
    assert "What acts by itself in the database is chansync's own" in capsys.readouterr().out
    _meddle(
        shared,
        'CREATE TRIGGER "it\'s ""mine" AFTER INSERT ON message BEGIN DELETE FROM message WHERE id = new.id; END',
        "CREATE VIEW spy AS SELECT * FROM channel_secret",
    )
    main(["doctor", "--no-sites", "--json"])
    told = json.loads(capsys.readouterr().out)
    cures = [
        found["remedy"].partition("remove it: ")[2] for found in told["findings"] if "not chansync" in found["sentence"]
    ]
    assert len(cures) == 2, told
    for cure in cures:
        # As a shell reads it; sqlite3 itself need not be here.
        program, file, statement = shlex.split(cure)
        assert (program, file) == ("sqlite3", str(shared))
        _meddle(shared, statement)
    main(["doctor", "--no-sites"])
    assert "What acts by itself in the database is chansync's own" in capsys.readouterr().out


def test_doctor_tells_of_a_changed_public_key_and_of_loose_secrets_and_rotating_cures_both(
    shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(shared)
    loose = secrets.seal_to(bytes.fromhex(secrets.public_key(store.db) or ""), b"cs_loose_needle")
    store.db.execute("UPDATE channel_secret SET sealed = ? WHERE name = 'consumer_secret'", (loose,))
    store.close()
    main(["doctor", "--no-sites"])
    assert "1 were sealed by an earlier version" in capsys.readouterr().out
    own = nacl.public.PrivateKey.generate()
    _meddle(shared, f"UPDATE setting SET value = '{bytes(own.public_key).hex()}' WHERE name = 'public_key'")
    main(["doctor", "--no-sites"])
    assert "The public key in the database is not the daemon's" in capsys.readouterr().out
    assert main(["secrets", "rotate"]) == 0
    capsys.readouterr()
    main(["doctor", "--no-sites"])
    told = capsys.readouterr().out
    assert "ok       secrets: The private key opens all 2." in told
    assert "earlier version" not in told
    assert "not the daemon's" not in told


def test_a_fault_of_roots_leaves_a_file_that_is_the_daemons(shared: Path) -> None:
    from chansync.cli.failures import explain

    words = ["--db", str(shared), "status"]
    with contextlib.redirect_stderr(None):
        explain(RuntimeError("planned"), words)
        errors = shared.parent / "chansync-errors.log"
        assert (errors.stat().st_uid, errors.stat().st_mode & 0o777) == (DAEMON, 0o600)
        # A file that a member has put there is not written to: root's next fault goes elsewhere.
        errors.unlink()
        assert as_user(ADMIN, lambda: errors.touch()).code == 0
        explain(RuntimeError("planned"), words)
        assert errors.read_text() == ""
