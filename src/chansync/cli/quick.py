"""Answers that need no command parser: ``--version``, ``status``, ``health`` and, on a terminal, the screens.

Importing click takes several times as long as these take. Whatever is not plainly one of them, or goes wrong, is
left to the ordinary way (None), which says it in sentences.
"""

from __future__ import annotations

import os
import sys

from chansync import __version__, service_place


def answer(arguments: list[str]) -> int | None:
    """The exit code of an answered command; None: this is not for here."""
    if "_CHANSYNC_COMPLETE" in os.environ:
        return None
    if arguments == ["--version"]:
        print(f"chansync {__version__}")
        return 0
    given, rest = _database_option(arguments)
    if given is not None and not given.strip():
        return None
    if not rest and sys.stdin.isatty() and sys.stdout.isatty():
        return screens(given)
    if rest in (["status"], ["status", "--json"]):
        return _status(_own(given), as_json="--json" in rest)
    if rest in (["health"], ["health", "--json"]):
        return _health(_own(given), as_json="--json" in rest)
    return None


def _own(given: str | None) -> str:
    """The database's name; root is its folder's owner from here on."""
    from chansync.cli.ownership import become_owner

    path = database_name(given)
    become_owner(path)
    return path


def screens(given: str | None) -> int:
    """Start the TUI on the database that was given; its exit code."""
    from chansync.cli.ownership import become_owner
    from chansync.locations import database_path
    from chansync_tui.start import run

    path = database_path(given)
    become_owner(path)
    return run(path)


def _database_option(arguments: list[str]) -> tuple[str | None, list[str]]:
    if arguments[:1] == ["--db"] and len(arguments) > 1:
        return arguments[1], arguments[2:]
    if arguments and arguments[0].startswith("--db="):
        return arguments[0][5:], arguments[1:]
    return None, arguments


def database_name(given: str | None) -> str:
    """What ``chansync.locations.database_path`` says, without its imports (pathlib, platformdirs)."""
    named = given or os.environ.get("CHANSYNC_DB")
    if named:
        return os.path.abspath(os.path.expanduser(named))
    service_directory = os.environ.get("STATE_DIRECTORY")
    if service_directory:
        return os.path.join(service_directory, "chansync.db")
    state = os.environ.get("XDG_STATE_HOME", "").strip() or os.path.expanduser("~/.local/state")
    own = os.path.join(state, "chansync", "chansync.db")
    has_service = not os.path.exists(own) and os.path.isdir(service_place.DIRECTORY)
    return f"{service_place.DIRECTORY}/chansync.db" if has_service else own


def _health(path: str, *, as_json: bool) -> int:
    from chansync.cli.health import show
    from chansync.doctor.health import in_time, look_at

    return show(in_time(lambda: look_at(path)), as_json=as_json)


def _status(path: str, *, as_json: bool) -> int | None:
    import apsw

    from chansync.db.opening import open_file
    from chansync.db.version import APPLICATION_ID, SCHEMA_VERSION
    from chansync.model.errors import StoreError

    try:
        db = open_file(path)
    except (apsw.Error, OSError, StoreError):
        return None
    try:
        db.set_busy_timeout(15_000)
        if (db.pragma("application_id"), db.pragma("user_version")) != (APPLICATION_ID, SCHEMA_VERSION):
            return None
        from chansync.cli.status import show

        return show(db, path, as_json=as_json)
    except apsw.Error:
        return None
    finally:
        db.close()
