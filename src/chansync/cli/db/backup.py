"""``chansync db backup``, ``verify``, ``drill`` and ``restore``: copies of the database, and the way back to one."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.named_files import FileType, InputFile, OutputFile, TextType
from chansync.cli.support.output import add_facts, is_agreed, note, say, say_each, say_error
from chansync.cli.support.session import Session
from chansync.db import backup, rotation, settings
from chansync.db.backup import Contents
from chansync.db.folders import is_shared, private_folder
from chansync.db.locations import key_file, key_path
from chansync.db.rotation import STAMP, Keep
from chansync.db.transaction import transaction
from chansync.model.errors import AlreadyExists, ChansyncError, UsageError
from chansync.model.times import ago_text, here, now_ms
from chansync.store import messages


@command("chansync db backup /backup/", "chansync db backup /backup/ --keep 7d,4w,12m", "chansync db backup before.db")
@click.argument("target", metavar="FILE|FOLDER")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.option(
    "--keep", metavar="7d,4w,12m", help="Of a schedule: keep one for each of so many days, weeks and months, no more."
)
@click.option(
    "--seal-key",
    metavar="-|@FILE",
    type=TextType(),
    help="Put the private key beside it, sealed to a passphrase: typed, a line of standard input, or in a file.",
)
def backup_to(session: Session, target: str, force: bool, keep: str | None, seal_key: str | None) -> None:
    """Copy the database while others use it, and look the copy through. In a folder, its name holds the time.

    Only its owner can read the copy. A name that ends with / is a folder that must be there. With --keep, older copies
    in the folder are deleted afterwards, and a failure is an open problem until a backup succeeds.
    """
    keeping = rotation.parse(keep) if keep else None
    if keeping is None:
        _back_up(session, target, seal_key, force=force)
        return
    with _as_problem(session, target, str(keep)):
        path = _back_up(session, f"{target.rstrip('/')}/", seal_key, force=force)
        _rotate(session, path.parent, keeping)


def _back_up(session: Session, target: str, seal_key: str | None, *, force: bool) -> Path:
    # Before the database is looked at: from then on root is somebody else.
    output = _backup_target(session, target, force=force)
    sealed = _SealedKey(output.path, seal_key, replaces=force) if seal_key else None
    source = session.store.path
    with output, sealed or contextlib.nullcontext(), backup.saved(source, output.path.parent) as copy:
        _copy(copy, source, output)
        if sealed:
            sealed.write(source)
        output.commit()
    if os.access(output.path, os.R_OK):
        # What the disk gives back, not what was sent to it.
        backup.look_through(output.path)
    settings.put(session.db, settings.BACKED_UP_AT, str(now_ms()))
    settings.put(session.db, settings.BACKED_UP_IN, os.path.abspath(output.path.parent))
    add_facts(changed=True, file=str(output.path))
    say(f"Copied to {output.path}.")
    key = key_file(source)
    if sealed:
        add_facts(key=str(sealed.path))
        say(f"The private key is beside it, sealed to the passphrase: {sealed.path}.")
    elif os.path.lexists(key):
        note(f"The private key {key} is not in it. Without it the channels' keys cannot be opened: keep it elsewhere.")
    return output.path


def _backup_target(session: Session, target: str, *, force: bool) -> OutputFile:
    """The file that a backup is written to."""
    database, path = session.named_path, Path(target)
    if target.endswith("/") and not path.is_dir():
        raise UsageError(f"There is no folder {target} (is its disk mounted?). Nothing was copied.")
    if path.is_dir():
        path = path / f"{database.stem}-{here():{STAMP}}.db"
    return OutputFile(path, replaces=force, check=lambda folder, name: _refuse(database, path, folder, name, force))


def _refuse(database: Path, path: Path, folder: int, name: str, force: bool) -> None:
    """Refuse a target that a copy must not stand at: before it is made, which may take a while."""
    if _is_own(database, path, folder, name):
        raise UsageError(f"{path} is a file that belongs to the database. Name another file, in a folder of your own.")
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    with contextlib.suppress(OSError):
        if path.samefile(database):
            raise UsageError(f"{path} is the database itself.")
    if not force:
        raise AlreadyExists(f"{path} is there already. Name another file, or give --force.")
    if stat.S_ISLNK(found.st_mode):
        return
    # Somebody who mistypes a name as root loses no device, no key and no document.
    if not stat.S_ISREG(found.st_mode) or (found.st_size and not _begins_as_database(folder, name)):
        raise UsageError(f"{path} is no database, and a copy replaces nothing else. Name another file.")
    try:
        os.stat(f"{name}-wal", dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    raise UsageError(f"{path} is a database that somebody has open. Name another file.")


def _is_own(database: Path, path: Path, folder: int, name: str) -> bool:
    """Whether the target is one of the installation's own files; its two folders, where they are shared, are for
    nothing else."""
    there = os.fstat(folder)
    for own in {str(database.parent), private_folder(database.parent)}:
        try:
            found = os.stat(own)
        except OSError:
            continue
        if (found.st_dev, found.st_ino) == (there.st_dev, there.st_ino):
            stem = database.stem
            names = (*(f"{database.name}{end}" for end in ("-wal", "-shm", "-journal", ".migrating")),
                     *(f"{stem}.{end}" for end in ("daemon", "lock", "key", "pub")))  # fmt: skip
            return is_shared(database.parent) or name in names
    return False


def _begins_as_database(folder: int, name: str) -> bool:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, dir_fd=folder), "rb") as file:
        return file.read(16) == b"SQLite format 3\0"


class _SealedKey(OutputFile):
    """The file beside a backup that holds the private key, sealed to a passphrase, which is asked for at once."""

    def __init__(self, backup: Path, passphrase: str, *, replaces: bool) -> None:
        self._passphrase = _passphrase(passphrase)
        super().__init__(backup.with_suffix(".key"), replaces=replaces)

    def write(self, database: Path) -> None:
        """Write it.

        Raises:
            KeyUnreadable: this user may not read the private key, or it is not here.
        """
        from chansync.secrets import key_file, passphrase

        text = "".join(f"{key.hex()}\n" for key in key_file.read(key_path(database)))
        os.write(self.descriptor, passphrase.seal(text.encode(), self._passphrase))
        self.commit()


def _passphrase(given: str) -> str:
    from chansync.cli.support.fields import read_secrets
    from chansync.model.parameter import Parameter
    from chansync.model.parameter_types import Secret

    known = {"passphrase": Parameter("passphrase", "Passphrase of the private key", "", 0, Secret())}
    return read_secrets({"passphrase": given}, known)["passphrase"]


def _copy(copy: Path, source: Path, output: OutputFile) -> None:
    with copy.open("rb") as made, open(output.descriptor, "wb", closefd=False) as file:
        try:
            shutil.copyfileobj(made, file)
            file.flush()
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise backup.no_room(source, output.path.parent) from None
            raise


def _rotate(session: Session, folder: Path, keep: Keep) -> None:
    try:
        gone = rotation.rotate(folder, session.path.stem, keep)
    except OSError as error:
        raise UsageError(
            f"The backup is made, but older ones in {folder} cannot be deleted ({error.strerror or error}): let the "
            "user who makes the backups own that folder."
        ) from None
    add_facts(deleted=[str(path) for path in gone])
    if gone:
        say(f"Deleted {len(gone)} older backup{'' if len(gone) == 1 else 's'} that {'is' if len(gone) == 1 else 'are'} "
            "not to be kept.")  # fmt: skip


@contextlib.contextmanager
def _as_problem(session: Session, target: str, keep: str) -> Iterator[None]:
    """A failure is an open problem of the message log until a backup succeeds: nobody may look at the timer's log."""
    try:
        yield
    except (ChansyncError, OSError) as error:
        # Where the database itself is what fails, its own error is told everywhere.
        with contextlib.suppress(ChansyncError, OSError, apsw.Error), transaction(session.db):
            messages.log(session.db, "backup_failed", f"The backup to {target} failed: {error}",
                         data={"folder": os.path.abspath(target), "keep": keep})  # fmt: skip
        raise
    with transaction(session.db):
        if messages.is_open(session.db, "backup_failed"):
            messages.solve_code(session.db, None, None, "backup_failed", "a backup was made")


@command("chansync db verify /backup/chansync-20261124-154601.db", "chansync db verify /backup/")
@click.argument("source", metavar="FILE|FOLDER")
def verify(session: Session, source: str) -> int:
    """Look backups through: one, or all that a folder has of this database. Exit code 1 where one is damaged."""
    files = _files(session, source, newest_only=False)
    # From here on root is the owner of the database's folder, with the files open.
    _ = session.path
    sound: dict[str, bool] = {}
    for path, file in files:
        try:
            told = _look_through(session, path, file)
        except ChansyncError as error:
            sound[str(path)] = False
            say_error(str(error), getattr(error, "code", "damaged"))
            continue
        sound[str(path)] = True
        say(f"Sound: {told}")
    add_facts(files=sound)
    return exit_codes.OK if all(sound.values()) else exit_codes.PROBLEMS


def _look_through(session: Session, path: Path, file: InputFile) -> str:
    if os.access(path, os.R_OK):
        return backup.look_through(path).sentence(path)
    # Root has named a file that the database's owner cannot open by its name.
    with _copied(session, file) as copy:
        return backup.look_through(copy, path).sentence(path)


@contextlib.contextmanager
def _copied(session: Session, file: InputFile) -> Iterator[Path]:
    """A copy of a backup in a place of its own, for as long as it is needed."""
    with file.open(may_be_pipe=False) as opened, backup.place_for(session.path) as folder:
        with (folder / "chansync.db").open("xb") as made:
            shutil.copyfileobj(opened, made)
        yield folder / "chansync.db"


def _files(session: Session, source: str, *, newest_only: bool) -> list[tuple[Path, InputFile]]:
    """The backup, or those of a folder, opened with the rights of whoever named them.

    Raises:
        UsageError: the folder has none.
    """
    path = Path(source)
    if not path.is_dir():
        session.refuse_as_file(path)
        return [(path, InputFile(path))]
    stem = session.named_path.stem
    try:
        found = list(rotation.backups(path, stem).values())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}.") from None
    if not found:
        raise UsageError(f"There is no backup of {stem} in {path}: their names are {stem}-DATE-TIME.db.")
    return [(each, InputFile(each)) for each in (found[:1] if newest_only else found)]


@command("chansync db drill /backup/", "chansync db drill /backup/ --key /media/stick/chansync.key")
@click.argument("source", metavar="FILE|FOLDER")
@click.option(
    "--key", type=FileType(InputFile), metavar="FILE", help="Your copy of the private key; else the one here."
)
@click.option("--passphrase", default="-", metavar="-|@FILE", type=TextType(), help="Of a key that is sealed to one.")
def drill(session: Session, source: str, key: InputFile | None, passphrase: str) -> int:
    """Restore a backup, a folder's newest, to a place of its own, see that it works, and delete it again.

    It is verified, brought up to date where it is older, its ledger is proved, and every secret in it is opened
    with the private key. Nothing that is in use is touched. Exit code 1 where a restore would not do.
    """
    from chansync.doctor.drill import try_out

    ((path, file),) = _files(session, source, newest_only=True)
    begun = time.monotonic()
    keys = None
    if key:
        with key.open(may_be_pipe=False) as opened:
            keys = opened_key(opened.read(10_000), passphrase)
    with _copied(session, file) as copy:
        found, faults = try_out(path, copy, keys, session.path)
    add_facts(file=str(path), ok=not faults, findings=found, faults=faults)
    say_each(found)
    for sentence in faults:
        say_error(sentence, "drill_failed")
    if faults:
        return exit_codes.PROBLEMS
    say(f"A restore of it works; this one took {time.monotonic() - begun:.1f} s.")
    return exit_codes.OK


def opened_key(text: bytes, given: str) -> bytes:
    """The contents of a key file; those of one that is sealed to a passphrase are opened with it.

    Raises:
        KeyUnreadable: it is sealed to another passphrase.
    """
    from chansync.secrets import passphrase

    return passphrase.unseal(text, _passphrase(given)) if text.startswith(passphrase.BEGINNING) else text


@command(
    "chansync db restore /backup/chansync-20261124-030000.db --dry-run",
    "chansync db restore /backup/chansync-20261124-030000.db",
)
@click.argument("file", type=FileType(lambda path: (InputFile(path), InputFile(Path(f"{path}-wal")))))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Say what would be restored and lost, and restore nothing.")
def restore(session: Session, file: tuple[InputFile, InputFile], yes: bool, dry_run: bool) -> int:
    """Put a backup in the database's place. Daemon and screens must be closed. For the daemon's user, or root.

    The old database is kept in the private folder. The backup is verified first. Afterwards each channel goes on
    from where the backup was: orders changed since are pulled again.
    """
    path, (named, beside) = session.path, file
    session.refuse_as_file(named.path)
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(named.open(may_be_pipe=False))
        log = stack.enter_context(beside.open(may_be_pipe=False)) if beside.is_there() else None
        if not path.parent.exists():
            raise UsageError(f"There is no folder {path.parent}.")
        copy, holds = stack.enter_context(backup.taken_in(named.path, source, log, path))
        return _restore(session, named.path, copy, holds, yes=yes, dry_run=dry_run)


def _restore(session: Session, file: Path, copy: Path, holds: Contents, *, yes: bool, dry_run: bool) -> int:
    path = session.path
    now = backup.contents_now(path) if path.exists() else None
    told = [holds.sentence(file), *_doubts(holds, now), *([now.sentence(path)] if now else ()), *_WHAT_COMES_OF_IT]
    for sentence in told:
        (say if dry_run else note)(sentence)
    if dry_run:
        return exit_codes.OK
    if not is_agreed("Restore it?", "Nothing was restored", yes=yes):
        return exit_codes.PROBLEMS
    kept = backup.restore(copy, path)
    add_facts(changed=True, database=str(path), kept=str(kept) if kept else None)
    say(f"Restored {file} to {path}.")
    if kept is not None:
        say(f"What was there before is kept: {kept}")
    return _after(session)


_WHAT_COMES_OF_IT = (
    "Will be repeated automatically and safely: orders changed since the backup are imported again without "
    "duplicates; open problems are reported again; before anything is sent, the site is checked.",
    "LOST: every manual change since the backup (settings, mappings, keys, ERP data, log). If a POS uses its own "
    "number series, sales may get different numbers.",
)


def _doubts(holds: Contents, now: Contents | None) -> list[str]:
    """What may make it the wrong thing to do: its daemon still works, or it is of another installation."""
    found = []
    is_of_here = now is not None and (now.instance, now.daemon_host) == (holds.instance, holds.daemon_host)
    if holds.daemon_host and not is_of_here and now_ms() - holds.daemon_beat_at < 86_400_000:
        found.append(
            f"WARNING: its daemon was alive {ago_text(holds.daemon_beat_at)} before now on {holds.daemon_host}. Where "
            "that still runs on another copy, both would send to the sites: make sure that it is stopped and disabled."
        )
    if now and holds.instance and now.instance and holds.instance != now.instance:
        found.append("WARNING: it is a backup of another installation's database, not of the one that is here.")
    return found


def _after(session: Session) -> int:
    """Bring an older backup up to date, and say whether its keys open here."""
    from chansync.db.connection import open_store
    from chansync.secrets import rotation, sealing

    open_store(session.path, create=False, upgrades=True).close()
    if elsewhere := rotation.state(session.db, session.path).elsewhere:
        note(elsewhere)
        return exit_codes.OK
    if sentence := sealing.trouble(session.db, session.path):
        say_error(sentence, "secret_unreadable")
        return exit_codes.PROBLEMS
    return exit_codes.OK
