"""Restoring the terminal when the program ends by a signal or by a bug.

Otherwise a lost connection, a shutdown or ``kill`` would leave mouse tracking and the alternate screen on.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal

from textual.app import App
from textual.worker import WorkerFailed

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

#: How often it is checked whether the terminal is still there, in seconds; it takes one system call.
CHECK_SECONDS = 1.0


class CleanShutdown(App[None]):
    """An app that restores the terminal."""

    async def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            # The exit code that a shell reports for a program that a signal ended.
            loop.add_signal_handler(number, self.exit, None, 128 + number)
        if os.isatty(0):
            self._terminal = select.poll()
            self._terminal.register(0, 0)
            self.set_interval(CHECK_SECONDS, self._end_without_terminal)

    def _end_without_terminal(self) -> None:
        """Exit if the terminal is gone: the session leader may ignore SIGHUP, and reading would then spin for ever."""
        if self._terminal.poll(0):
            self.exit(None, 128 + signal.SIGHUP)

    def on_unmount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    @property
    def fault(self) -> BaseException | None:
        """The exception that ended the app, if any; that of a thread as it was raised there."""
        error = self._exception
        return error.error if isinstance(error, WorkerFailed) else error

    def _fatal_error(self) -> None:
        # Textual would print the traceback with the values of local variables, which may hold opened secrets.
        # ``start.run`` raises the exception instead: a sentence is printed, and the traceback goes to a file.
        self.bell()
        self._close_messages_no_wait()
