"""``chansync secrets``: how the sealed secrets stand, and a new pair of keys for them. No secret is ever shown."""

from __future__ import annotations

import os

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.named_files import FileType, InputFile, OutputFile, TextType
from chansync.cli.support.output import add_facts, note, print_json, say, table, when
from chansync.cli.support.session import Session
from chansync.db.locations import key_path
from chansync.model.errors import UsageError
from chansync.model.times import ago_text, utc_text
from chansync.secrets import rotation
from chansync.secrets.key_file import OpenKey
from chansync.secrets.rotation import SealedSecret, SecretsState


@command("chansync secrets status", "chansync secrets status --json")
def status(session: Session, as_json: bool) -> int:
    """Which secrets are set, since when, and whether they open here. Exit code 3 where the private key is at fault.

    Only the daemon's user and root are told whether they open; for everybody else all is well with exit code 0.
    """
    found = rotation.state(session.db, session.path)
    if as_json:
        print_json(_data(found))
    elif found.fingerprint is None:
        say("No secret was entered yet.")
    else:
        rows = [
            (secret.owner_kind, secret.owner, secret.name, when(secret.set_at), ago_text(secret.set_at),
             _OPENS[opens])
            for secret, opens in found.found
        ]  # fmt: skip
        table(("of", "code", "secret", "set at", "age", "opens"), rows, right=("age",), flexible="secret")
        say(f"Public key {found.fingerprint}; private key {found.key}." if not found.elsewhere else found.elsewhere)
    if found.trouble and not as_json:
        note(found.trouble)
    return exit_codes.DATABASE if found.trouble else exit_codes.OK


_OPENS = {True: "yes", False: "NO", None: "not told here"}


def _data(found: SecretsState) -> dict[str, object]:
    return {
        "public_key": found.fingerprint,
        "private_key": str(found.key),
        "trouble": found.trouble,
        "elsewhere": found.elsewhere,
        "secrets": [
            {
                "of": secret.owner_kind,
                secret.owner_kind if secret.owner_kind in ("channel", "system") else "owner": secret.owner,
                "name": secret.name,
                "set_at": utc_text(secret.set_at),
                "opens": opens,
            }
            for secret, opens in found.found
        ],
    }


@command(
    "chansync secrets rotate", "chansync secrets rotate --key /root/chansync.key",
    more="\n\nWhere the private key is a credential of the service, give the command a decrypted copy:\n\n\b\n"
    "  systemctl stop chansync; cd /etc/credstore.encrypted; umask 077\n"
    "  systemd-creds decrypt --name=chansync.key chansync.key /root/chansync.key\n"
    "  chansync secrets rotate --key /root/chansync.key\n"
    "  mv chansync.key chansync.key.before-$(date +%F)\n"
    "  systemd-creds encrypt --name=chansync.key /root/chansync.key chansync.key\n"
    "  systemctl start chansync; shred -u /root/chansync.key",
)  # fmt: skip
@click.option(
    "--key",
    type=FileType(lambda path: InputFile(path, write=True)),
    metavar="FILE",
    help="The private key, where it is a credential of the service: a decrypted copy, which gets the new one.",
)
@click.option("--lost", is_flag=True, help="The private key is lost: make a new one; the secrets are entered again.")
def rotate(session: Session, key: InputFile | None, lost: bool) -> int:
    """Make a new pair of keys and seal every secret to it. For the daemon's user, or root.

    A running daemon goes on. Killed at any moment, nothing is lost: run it again. The old key is kept, in the private
    folder: backups made before this rotation can be decrypted only with it.
    """
    from chansync.setup.sealed_places import use_of

    file = _open_key(session, key) if key else key_path(session.path)
    shown = file.path if isinstance(file, OpenKey) else file
    done = (rotation.start_over if lost else rotation.rotate)(session.db, file, use_of)
    one = done.sealed_anew == 1
    add_facts(
        changed=True,
        sealed_anew=done.sealed_anew,
        key=str(shown),
        kept=str(done.kept) if done.kept else None,
        enter_again=_again(done.lost),
    )
    say(f"{done.sealed_anew} secret{'' if one else 's'} {'is' if one else 'are'} sealed to a new key, in {shown}.")
    if done.kept:
        say(f"The old key is kept in {done.kept}: backups made before this rotation can be decrypted only with it.")
    elif key:
        say(
            "Keep the encrypted credential of the old key: backups made before this rotation can be decrypted only "
            "with it."
        )
    say("Keep a copy of the new key, apart from the backups.")
    if not done.lost:
        return exit_codes.OK
    say("No available key can decrypt these secrets. Enter them again:")
    for line in _again(done.lost):
        say(f"  {line}")
    return exit_codes.PROBLEMS


def _open_key(session: Session, key: InputFile) -> OpenKey:
    """The key file that was named; from here on root is the owner of the database's folder."""
    _ = session.path
    try:
        return OpenKey(key.path.absolute(), key.descriptor())
    except OSError as error:
        raise UsageError(f"{key.path} cannot be opened: {error.strerror or error}.") from None


def _again(lost: list[SealedSecret]) -> list[str]:
    """The commands that enter them again."""
    owners: dict[tuple[str, str], list[str]] = {}
    for secret in lost:
        owners.setdefault((secret.owner_kind, secret.owner), []).append(secret.name)
    commands = []
    for (kind, code), names in owners.items():
        if kind in ("channel", "system"):
            commands.append(f"chansync {kind} set {code} {' '.join(f'{name}=-' for name in names)}")
        else:
            commands.append(f"{kind} {code}".strip() + f": {' '.join(names)} (chansync {kind} --help)")
    return commands


@command("chansync secrets recover /backup/chansync-20261124-154601.key -o /root/chansync.key")
@click.argument("file", type=FileType(InputFile))
@click.option("-o", "--output", metavar="FILE", required=True, type=FileType(OutputFile), help="The key file to make.")
@click.option("--passphrase", default="-", metavar="-|@FILE", type=TextType(), help="Where the passphrase comes from.")
def recover(session: Session, file: InputFile, output: OutputFile, passphrase: str) -> None:
    """Open a private key that db backup --seal-key has put beside a backup. Nobody else can read the file."""
    from chansync.cli.db.backup import opened_key
    from chansync.model.errors import AlreadyExists

    if os.path.lexists(output.path):
        raise AlreadyExists(f"{output.path} is there already. Name another file.")
    with file.open() as opened, output:
        os.write(output.descriptor, opened_key(opened.read(10_000), passphrase))
        output.commit()
    add_facts(changed=True, file=str(output.path))
    say(f"The private key is in {output.path}.")
