"""The entry points: safe streams, the screens or the commands (``chansync.cli.program``), and every error at one
place."""

from __future__ import annotations

import gc
import sys

from chansync.gc_tuning import collect_rarely


def run() -> None:
    """``chansync``: ends the process with the exit code."""
    _end(sys.argv[1:])


def run_daemon() -> None:
    """``chansyncd``, the same as ``chansync daemon``: ends the process with the exit code."""
    arguments = sys.argv[1:]
    _end(arguments if arguments == ["--version"] else ["daemon", *arguments])


def _end(arguments: list[str]) -> None:
    collect_rarely()
    code = main(arguments)
    # Python searches everything for reference cycles once more as it ends; what is frozen is left out.
    gc.freeze()
    sys.exit(code)


def main(arguments: list[str]) -> int:
    """Do what the arguments say; the exit code. Whatever goes wrong ends as a sentence on stderr, or as JSON."""
    try:
        _make_streams_safe()
        from chansync.cli.support import output

        output.mode.begin(arguments)
        if _screens_are_meant(arguments):
            # Without the tree of commands, which would be a tenth of their start and of their memory.
            code = show_screens(*arguments[1:])
        else:
            from chansync.cli.program import execute

            # click empties the list that it is given.
            code = execute(list(arguments))
        output.finish(code)
        sys.stdout.flush()
        return code
    except BaseException as error:
        if isinstance(error, SystemExit):
            raise
        try:
            from chansync.cli.support.failures import explain
        except (ImportError, OSError, MemoryError) as worse:
            sys.stderr.write(f"The program's own files cannot be read: {worse}\n")
            return 1
        return explain(error, arguments)


def _screens_are_meant(arguments: list[str]) -> bool:
    """Whether the command line says so at first sight: it is empty, or names a database and nothing else."""
    match arguments:
        case []:
            return screens_are_possible()
        case ["--db", path]:
            # Whatever is wrong with the path is told by the tree.
            return bool(path.strip()) and path.isprintable() and screens_are_possible()
    return False


def screens_are_possible() -> bool:
    """Whether there is a terminal to show the screens on."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def show_screens(database: str | None = None) -> int:
    """Run the screens for a database, or for the usual one; the exit code."""
    from chansync.cli.support.session import become_owner
    from chansync.db.locations import database_path
    from chansync_tui.start import run

    path = database_path(database)
    become_owner(path)
    return run(path)


def _make_streams_safe() -> None:
    """A character that the terminal's encoding lacks is shown as an escape, not a reason to fail."""
    import os

    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        # A stream that the caller closed is None.
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - it lives as long as the process
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")
