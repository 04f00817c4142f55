"""Writing to the terminal only the cells that change, for slow lines.

Textual writes whole lines and, when a window opens, whole screens, also where nothing changes. Here every update is
compared with what the terminal shows already. Textual has no public way to do so: where another version of it is made
in another way, it writes as it does by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.color import ColorSystem
from textual import events
from textual.app import App
from textual.geometry import Offset

if TYPE_CHECKING:
    from chansync_tui.terminal_cells import TerminalCells


class SmallUpdates(App[None]):
    """An app that writes only the cells that change."""

    _cells: TerminalCells | None = None
    _shown_cursor: Offset | None = None
    _is_other_textual = False

    def on_load(self) -> None:
        self.app_resume_signal.subscribe(self, lambda _: self.action_redraw())

    def on_resize(self, event: events.Resize) -> None:
        self._forget()

    def _forget(self) -> None:
        if self._cells is not None:
            self._cells.forget()

    def action_redraw(self) -> None:
        """Write the whole screen again, after another program wrote to the terminal."""
        self._forget()
        self.screen.refresh(layout=True)

    def _display(self, *arguments: Any, **named: Any) -> None:
        if not self._is_other_textual:
            try:
                screen, renderable = arguments
                arguments = (screen, self._smaller(renderable))
            except Exception as error:
                # Whatever is not as expected: until now the terminal shows what Textual believes, so it can go on.
                self._is_other_textual = True
                self.log.warning(f"Whole lines are written: {error!r}")
        super()._display(*arguments, **named)

    def _smaller(self, renderable: object) -> object:
        """What to write instead; None: nothing."""
        from chansync_tui.terminal_cells import TerminalCells, Written, is_known

        if not is_known(renderable) or not self._writes_now:
            return renderable
        if self._cells is None:
            self._cells = TerminalCells(self.console._color_system or ColorSystem.TRUECOLOR)
        sequence = self._cells.write(renderable)
        cursor = self.screen.outer_size.clamp_offset(self.cursor_position)
        if not sequence and cursor == self._shown_cursor:
            return None
        self._shown_cursor = cursor
        return Written(sequence)

    @property
    def _writes_now(self) -> bool:
        ready = self._running and not self._closed and not self.is_headless and self._driver is not None
        return ready and not self._batch_count and not self._driver.is_inline  # type: ignore[union-attr]
