"""Every error as a sentence on stderr and an exit code. No traceback reaches the user."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from chansync import __version__
from chansync.cli.support import exit_codes, output
from chansync.model.errors import AlreadyExists, ChansyncError, SiteError, StoreError, UsageError
from chansync.model.times import here
from chansync.secrets.redaction import scrub

#: The exit codes of errors, the first that fits.
_CODES = (
    (AlreadyExists, exit_codes.EXISTS),
    (UsageError, exit_codes.USAGE),
    (StoreError, exit_codes.DATABASE),
    (SiteError, exit_codes.SITE),
    (ChansyncError, exit_codes.PROBLEMS),
)


def explain(error: BaseException, arguments: list[str]) -> int:
    """Print what went wrong, as a sentence or as JSON; returns the exit code."""
    if isinstance(error, BrokenPipeError):
        return _output_closed()
    click = sys.modules.get("click")
    if isinstance(error, KeyboardInterrupt) or (click and isinstance(error, click.Abort)):
        return _say("Interrupted.", exit_codes.INTERRUPTED, "interrupted")
    if click and isinstance(error, click.ClickException):
        return _command_line(error)
    if isinstance(error, ChansyncError):
        return _told(error)
    apsw = sys.modules.get("apsw")
    if apsw and isinstance(error, apsw.Error):
        from chansync.db.sqlite_errors import DatabaseFailed, store_error

        told = store_error(error)
        # SQLite's general error is a wrong statement: a bug, and not the state of the database.
        if isinstance(told, DatabaseFailed):
            return _unexpected(error, arguments)
        return _say(_sentence(str(told)), exit_codes.DATABASE, told.code)
    if isinstance(error, OSError):
        return _system(error)
    return _unexpected(error, arguments)


def _told(error: ChansyncError) -> int:
    """A sentence, or a line for each wrong field, which JSON has by its name too."""
    errors = getattr(error, "errors", None) or ()
    fields = [{"field": each.name, "code": each.code, "error": scrub(each.sentence)} for each in errors]
    sentence = "\n".join(_sentence(str(each)) for each in errors) or str(error)
    code = next(code for kind, code in _CODES if isinstance(error, kind))
    return _say(sentence, code, error.code, **({"fields": fields} if fields else {}))


def code_for_manager(error: BaseException) -> int | None:
    """The exit code for which the service manager does not restart the daemon; None: a restart may help."""
    import apsw

    from chansync.db import permanent_errors
    from chansync.db.sqlite_errors import store_error

    known = store_error(error) if isinstance(error, (apsw.Error, OSError)) else error
    codes = (
        (permanent_errors.DatabaseDamaged, exit_codes.DATABASE_DAMAGED),
        (permanent_errors.DatabaseMoved, exit_codes.DATABASE_GONE),
        (permanent_errors.DatabaseMissing, exit_codes.DATABASE_GONE),
        (permanent_errors.DatabaseForbidden, exit_codes.DATABASE_FORBIDDEN),
        (permanent_errors.Lasting, exit_codes.DATABASE_OTHER),
    )
    return next((code for kind, code in codes if isinstance(known, kind)), None)


def _say(sentence: str, exit_code: int, code: str, **more: Any) -> int:
    with contextlib.suppress(OSError):
        output.fail(scrub(sentence), code, **more)
    return exit_code


def _command_line(error: BaseException) -> int:
    """A wrong command line, reported by click."""
    import click

    message: str = error.format_message()  # type: ignore[attr-defined]
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return _say(message, exit_codes.USAGE, "usage")
    if not isinstance(error, click.UsageError):
        return _say(_sentence(message), exit_codes.PROBLEMS, "error")
    # Some messages of click contain line breaks, tabs and programmers' terms.
    message = " ".join(message.split())
    for theirs, ours in _CLICKS_WORDS:
        message = re.sub(theirs, ours, message)
    hint = f" See: {_path(error.ctx)} --help" if error.ctx else ""
    return _say(f"{_sentence(message)}{hint}", exit_codes.USAGE, "usage")


_CLICKS_WORDS = (
    ("a valid integer range|a valid integer", "a whole number"),
    (r"^Got unexpected extra arguments? \((.*)\)$", r"Unexpected arguments: \1"),
)


def _sentence(text: str) -> str:
    """The text with a full stop, if it has no other end."""
    return text if text.endswith((".", "?", "!", ")")) else f"{text}."


def _path(context: Any) -> str:
    """The command as it was called, without the name of a group's default command."""
    default = getattr(context.parent.command, "default", None) if context.parent else None
    shown = context.parent if default and context.info_name == default else context
    return str(shown.command_path)


def _system(error: OSError) -> int:
    """An error of the operating system: a full disk, a missing right."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _output_closed()
    where = f"{error.filename}: " if error.filename else ""
    return _say(f"{where}{error.strerror or error}.", exit_codes.PROBLEMS, "system")


def _output_closed() -> int:
    # Otherwise Python raises again at the end, when it flushes stdout.
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return exit_codes.OUTPUT_CLOSED


def _unexpected(error: BaseException, arguments: list[str]) -> int:
    """A bug: the traceback, which may contain a customer's data, goes to a file that only its owner can read."""
    kind = type(error).__name__
    text = "".join(traceback.format_exception(error))
    stamp = here().isoformat(timespec="seconds")
    command = " ".join(word for word in arguments[:2] if word.isalpha())
    entry = scrub(f"{stamp} chansync {__version__} {command}\n{text}\n")
    for directory in (*_state_directory(arguments), Path(tempfile.gettempdir())):
        target = directory / "chansync-errors.log"
        try:
            with os.fdopen(_error_file(target), "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(entry)
        except OSError:
            continue
        what = f". Please report it with the end of {target}."
        break
    else:
        what = ", and no log could be written."
    return _say(f"chansync failed by a fault of its own ({kind}){what}", exit_codes.PROBLEMS, "bug")


def _error_file(target: Path) -> int:
    """A descriptor of the file; it must belong to this user and have no second name."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(target, flags, 0o600)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink != 1:
        os.close(descriptor)
        raise PermissionError("somebody else has put something there")
    return descriptor


def _state_directory(arguments: list[str]) -> list[Path]:
    """The private folder of the database, if any; root switches to its owner first."""
    from chansync.cli.support.session import become_owner
    from chansync.db.locations import database_path, private_folder

    given = None
    for position, word in enumerate(arguments):
        if word == "--db" and position + 1 < len(arguments):
            given = arguments[position + 1]
        elif word.startswith("--db="):
            given = word[5:]
    database = database_path(given)
    try:
        become_owner(database)
    except UsageError:
        return []
    return [private_folder(database)]
