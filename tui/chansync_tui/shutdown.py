"""The program ends so that the terminal is a terminal again: on signals, and on a fault of its own.

A lost connection, a shutdown and ``kill`` would otherwise leave mouse tracking and the other screen switched on.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal

from textual.app import App

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)

#: How often it is looked whether the terminal is still there, in seconds. One system call.
LOOK_SECONDS = 1.0


class CleanShutdown(App[None]):
    """An app that ends well."""

    async def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            # With the code by which a shell tells of a program that a signal ended.
            loop.add_signal_handler(number, self.exit, None, 128 + number)
        if os.isatty(0):
            self._terminal = select.poll()
            self._terminal.register(0, 0)
            self.set_interval(LOOK_SECONDS, self._end_without_terminal)

    def _end_without_terminal(self) -> None:
        """Where whoever leads the session keeps the hangup to himself, reading from what is gone would never end."""
        if self._terminal.poll(0):
            self.exit(None, 128 + signal.SIGHUP)

    def on_unmount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.remove_signal_handler(number)

    @property
    def fault(self) -> BaseException | None:
        """What ended the app, where that was a fault of its own."""
        return self._exception

    def _fatal_error(self) -> None:
        # Textual's own prints the traceback with the values of its variables, and opened secrets may be among them.
        # ``run`` raises the fault, and it ends as that of any command: a sentence, and the traceback in a file.
        self.bell()
        self._close_messages_no_wait()
