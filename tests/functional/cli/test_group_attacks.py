"""A member of the group who is up to something: he may edit, also by other programs; no key may become his."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import apsw
import nacl.public
import pytest

from chansync.cli.main import main
from chansync.db.connection import Store, open_store
from chansync.db.locations import private_folder, public_key_file
from chansync.model.errors import StoreError
from chansync.notices.settings import mail_server
from chansync.secrets import rotation, sealing
from chansync.secrets.sealing import Use
from chansync.setup.sealed_places import channel_place
from chansync.store import channels
from functional.cli.test_group import _add_channel, _start, folder, path  # noqa: F401 - fixtures
from support import world
from support.users import ADMIN, DAEMON, ROOT, as_user, command, needs_users, start

pytestmark = [needs_users, pytest.mark.long]

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


def _mail_password(store: Store) -> str:
    server = mail_server(store.db, store.path)
    assert server is not None
    return server.password


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
    return sealing.open_all(store.db, store.path, channel.id, channel_place(channel.values))


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
    refused = as_user(ADMIN, lambda: main(["channel", "import", str(file)]))
    assert (refused.code, "consumer_key was entered for http://127.0.0.1:1: enter it again" in refused.text) == (
        2,
        True,
    )
    assert "needle" in _daemon_opens(shared, _keys)


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
    told = _daemon_opens(shared, _mail_password)
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
    assert "needle" in _daemon_opens(shared, _mail_password)
    refused = as_user(ADMIN, lambda: main(["notices", "set", *words]))
    assert refused.code == 2
    assert "smtp_password was entered for mail.example:587: enter it again" in refused.text
    _meddle(shared, statement)
    told = _daemon_opens(shared, _mail_password)
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
    # He cannot make a file of it where it is looked for, and without one nothing is sealed.
    public = public_key_file(shared)
    assert "Permission denied" in as_user(ADMIN, lambda: public.unlink()).text
    public.unlink()
    assert "Permission denied" in as_user(ADMIN, lambda: public.write_text(bytes(own.public_key).hex()) and None).text
    refused = as_user(ADMIN, lambda: main(words), stdin="cs_new_needle\n")
    assert "is missing or not the daemon's" in refused.text
    # The way out that the sentence tells.
    assert command(ROOT, "secrets", "rotate", database=shared).code == 0
    assert as_user(ADMIN, lambda: main(words), stdin="cs_new_needle\n").code == 0
    assert "cs_new_needle" in _daemon_opens(shared, _keys)


@pytest.mark.parametrize("words", [["status"], ["db", "init"], ["secrets", "status"], ["doctor", "--no-sites"]])
def test_root_follows_no_link_that_a_member_put_in_the_databases_place(
    shared: Path, tmp_path: Path, words: list[str]
) -> None:
    target = tmp_path / "made-by-root"

    def plant() -> None:
        shared.unlink()
        shared.symlink_to(target)

    assert as_user(ADMIN, plant).code == 0
    command(ROOT, *words, database=shared)
    assert not target.exists()
    target.write_text("of root\n")
    before = target.stat()
    told = command(ROOT, *words, database=shared)
    after = target.stat()
    assert (before.st_uid, before.st_mode, target.read_text()) == (after.st_uid, after.st_mode, "of root\n")
    assert "is a link" in told.text


def test_a_tables_name_is_no_sql_for_root(shared: Path, tmp_path: Path) -> None:
    target = tmp_path / "attached.db"
    name = f'x"" SET sealed = 1; ATTACH ""{target}"" AS e; CREATE TABLE e.t (a); --'
    _meddle(shared, f'CREATE TABLE "{name}" (sealed BLOB)', f"INSERT INTO \"{name}\" VALUES (x'00')")
    assert command(ROOT, "secrets", "rotate", database=shared).code == 1, "what is no secret is named as lost"
    assert not target.exists()
    assert "cs_needle" in _daemon_opens(shared, _keys)


def test_what_an_earlier_version_sealed_for_any_place_is_bound_by_a_rotation(shared: Path) -> None:
    store = open_store(shared)
    public = bytes.fromhex(sealing.public_key(store.db) or "")
    loose = sealing.seal_to(public, b"cs_loose_needle")
    store.db.execute("UPDATE channel_secret SET sealed = ? WHERE name = 'consumer_secret'", (loose,))
    assert [secret.name for secret in rotation.state(store.db, shared).loose] == ["consumer_secret"]
    store.close()
    assert "cs_loose_needle" in _daemon_opens(shared, _keys)
    assert command(ROOT, "secrets", "rotate", database=shared).code == 0
    assert "cs_loose_needle" in _daemon_opens(shared, _keys)
    _meddle(shared, """UPDATE channel_parameter SET value = '"evil.example"' WHERE name = 'store_domain'""")
    assert "is not sent to https://evil.example" in _daemon_opens(shared, _keys)
    # What he kept from before is sealed to a key that is gone.
    store = open_store(shared)
    store.db.execute("UPDATE channel_secret SET sealed = ? WHERE name = 'consumer_secret'", (loose,))
    store.close()
    assert "needle" not in _daemon_opens(shared, _keys)


def test_whoever_may_read_the_key_moves_a_channel_without_entering_it_again(company: Store) -> None:
    from chansync.setup import channel_settings

    channel_settings.change_channel(company, "shop", {"store_domain": "shop.example"})
    opened = sealing.open_all(company.db, company.path, 1, "https://shop.example")
    assert opened == {"consumer_key": "ck_x", "consumer_secret": "cs_x"}
    assert Use("channel consumer_key", world.PLACE) != Use("channel consumer_key", "https://shop.example")


def _doctor(path: Path) -> str:  # noqa: F811
    return command(ROOT, "doctor", "--no-sites", database=path).text


def test_doctor_finds_what_acts_by_itself_and_its_cure_works(shared: Path) -> None:
    assert "All triggers and views in the database belong to chansync" in _doctor(shared)
    _meddle(
        shared,
        'CREATE TRIGGER "it\'s ""mine" AFTER INSERT ON message BEGIN DELETE FROM message WHERE id = new.id; END',
        "CREATE VIEW spy AS SELECT * FROM channel_secret",
    )
    told = json.loads(command(ROOT, "doctor", "--no-sites", "--json", database=shared).text)
    cures = [found["remedy"] for found in told["findings"] if "not chansync" in found["sentence"]]
    assert len(cures) == 2, told
    assert all(cure.endswith("sudo chansync db repair") for cure in cures)
    refused = command(ROOT, "db", "repair", database=shared)
    assert (refused.code, "CREATE VIEW spy" in refused.text) == (2, True)
    assert command(ROOT, "db", "repair", "--yes", database=shared).code == 0
    assert "All triggers and views in the database belong to chansync" in _doctor(shared)


def test_doctor_tells_of_a_changed_public_key_and_of_loose_secrets_and_rotating_cures_both(shared: Path) -> None:
    store = open_store(shared)
    loose = sealing.seal_to(bytes.fromhex(sealing.public_key(store.db) or ""), b"cs_loose_needle")
    store.db.execute("UPDATE channel_secret SET sealed = ? WHERE name = 'consumer_secret'", (loose,))
    store.close()
    assert "1 were sealed by an earlier version" in _doctor(shared)
    own = nacl.public.PrivateKey.generate()
    _meddle(shared, f"UPDATE setting SET value = '{bytes(own.public_key).hex()}' WHERE name = 'public_key'")
    assert "The public key in the database is not the daemon's" in _doctor(shared)
    assert command(ROOT, "secrets", "rotate", database=shared).code == 0
    told = _doctor(shared)
    assert "ok       secrets: The private key opens all 2." in told
    assert "earlier version" not in told
    assert "not the daemon's" not in told


def test_a_fault_of_roots_leaves_a_file_that_is_the_daemons(shared: Path) -> None:
    code = (
        "import sys; from chansync.cli.support import failures; failures.explain(RuntimeError('planned'), sys.argv[1:])"
    )
    start(ROOT, ("--db", str(shared), "status"), program=("-c", code)).communicate()
    errors = private_folder(shared) / "chansync-errors.log"
    assert (errors.stat().st_uid, errors.stat().st_mode & 0o777) == (DAEMON, 0o600)
