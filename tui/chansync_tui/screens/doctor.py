"""The checks of ``chansync doctor``, shown as they are done."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from chansync.doctor.findings import Finding, Level, summary
from chansync_tui.screens.text_page import TextPage
from chansync_tui.widgets.pane import Paragraph

#: The levels, the worst first, with the headings of their findings and the tones of these.
_LEVELS = {Level.PROBLEM: ("Problems", "bad"), Level.WARNING: ("Warnings", "warn"), Level.OK: ("Well", "")}


class Doctor(TextPage):
    """What is wrong and how to mend it, the worst first. Nothing is changed by looking."""

    SCOPE = "doctor"
    ABOUT = "Program, machine, files, database, daemon, sites: what is wrong and how to mend it. Nothing is changed."
    HINTS = ("esc", "?", "r", "B", "c", "q")

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "Look everything over again", tooltip="Look again|Again")
    ]

    def __init__(self) -> None:
        super().__init__()
        self._found: list[Finding] = []
        self._at = ""
        self._is_done = True

    def on_mount(self) -> None:
        self.action_again()

    def action_again(self) -> None:
        if not self._is_done:
            return
        self._found, self._at, self._is_done = [], "Looking everything over...", False
        self.read()
        self.context.in_thread("Doctor", self._look)

    def _look(self) -> None:
        from chansync.doctor.examination import examine

        def tell(done: int, of: int) -> None:
            self.call_later(self._show_look, at=f"Asking the channels' sites: {done} of {of}.")

        try:
            for finding in examine(self.context.path, asked_by=self.context.user, progress=tell):
                # The page may be closed meanwhile: then the rest is for nobody.
                if not self.call_later(self._show_look, [finding]):
                    return
        finally:
            self.call_later(self._show_look, is_done=True)

    def _show_look(self, found: Sequence[Finding] = (), at: str = "", *, is_done: bool = False) -> None:
        self._found += found
        self._at, self._is_done = at or self._at, is_done
        self.read()

    def paragraphs(self) -> list[Paragraph]:
        said = summary(self._found) if self._is_done else self._at
        told = [Paragraph(said, "title", heading=True)]
        for level, (title, tone) in _LEVELS.items():
            found = [each for each in self._found if each.level is level]
            told += [Paragraph(""), Paragraph(title, "title", heading=True)] if found else []
            for each in found:
                told.append(Paragraph(f"  {each.area}: {each.sentence}", tone))
                told += [Paragraph(f"    {each.remedy}", "strong")] if each.remedy else []
        return told
