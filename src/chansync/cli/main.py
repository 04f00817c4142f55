"""The entry points: safe streams, the commands (``chansync.cli.program``), and every error at one place."""

from __future__ import annotations

import gc
import signal
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
    code = main(arguments, ends=True)
    _end_at_ctrl_c()
    # Python searches everything for reference cycles once more as it ends; what is frozen is left out.
    gc.freeze()
    sys.exit(code)


def main(arguments: list[str], *, ends: bool = False) -> int:
    """Do what the arguments say; the exit code. Whatever goes wrong ends as a sentence on stderr, or as JSON.

    Args:
        ends: whether the process ends afterwards.
    """
    try:
        _make_streams_safe()
        from chansync.cli import screens
        from chansync.cli.support import output

        output.mode.begin(arguments)
        if screens.are_meant(arguments):
            code = screens.show(*arguments[1:])
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
        if ends:
            _end_at_ctrl_c()
        try:
            from chansync.cli.support.failures import explain
        except (ImportError, OSError, MemoryError) as worse:
            sys.stderr.write(f"The program's own files cannot be read: {worse}\n")
            return 1
        return explain(error, arguments)


def _end_at_ctrl_c() -> None:
    """Let ctrl+c end the process at once: as an exception it would print a traceback, as nobody handles it any more."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


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
