"""The app: it polls the database for changes, switches between the screens, and shows the results of jobs."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Input

from chansync.db.opening import data_version
from chansync.db.sqlite_errors import explained
from chansync.db.version import check_schema
from chansync.model.errors import StoreError
from chansync.model.times import local_text
from chansync.store import jobs
from chansync_tui import symbols
from chansync_tui.context import Action, Context, JobAsked, Result
from chansync_tui.contrast import readable
from chansync_tui.key_queue import KeyQueue
from chansync_tui.navigation import Navigation, made
from chansync_tui.screens.overview import Overview
from chansync_tui.screens.page import Page, Told
from chansync_tui.shutdown import CleanShutdown
from chansync_tui.terminal_output import SmallUpdates
from chansync_tui.text import safe
from chansync_tui.user_files import own_keys, preferences
from chansync_tui.widgets.table import MarkTable
from chansync_tui.widgets.topbar import TABS

if TYPE_CHECKING:
    from chansync_tui.user_files.drafts import Draft

#: How often the database is polled for changes, in seconds.
POLL_SECONDS = 0.25

#: How often the screen is updated without a change, in seconds: a killed daemon writes nothing, and times such as
#: "5 min" move on.
REFRESH_SECONDS = 15.0


class ChansyncApp(KeyQueue, SmallUpdates, CleanShutdown, Navigation):
    """The terminal screens for one database."""

    TITLE = "chansync"
    CSS_PATH = "app.tcss"
    ALLOW_SELECT = False
    TOOLTIP_DELAY = 3600.0

    # No screen of Textual's own before it, whose styles would be parsed once more.
    DEFAULT_MODE = "overview"

    # The other screens are imported when they are first shown, which makes the start fast.
    MODES: ClassVar[dict[str, Callable[[], Screen[None]]]] = {  # type: ignore[assignment]
        "overview": Overview,
        **{name: partial(made, f"screens.{name}", name.capitalize()) for name in TABS if name != "overview"},
    }

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(number), f"tab('{mode}')", title) for number, (mode, title) in enumerate(TABS.items())),
        Binding("question_mark,f1", "keys", "Keys of this screen", tooltip="Keys"),
        Binding("ctrl+p", "command_palette", "Command palette", priority=True, tooltip="Palette"),
        Binding("f9", "change_theme", "Theme"),
        Binding("z", "undo", "Undo what was done last, where that is possible"),
        Binding("at", "actions", "What was done, to look at and to undo"),
        Binding(
            "exclamation_mark", "open('Doctor')", "Doctor: what is wrong with the installation, and how to mend it"
        ),
        Binding("B", "open('Backups')", "Backups: make one, list them, look them through", tooltip="Backups"),
        Binding("ctrl+z", "suspend_process", "Suspend: back to the shell; fg comes back"),
        Binding("ctrl+l", "redraw", "Draw the screen again"),
        Binding("q", "quit", "Quit", tooltip="Quit"),
        Binding("ctrl+q", "quit", "Quit", priority=True),
    ]

    def __init__(self, path: Path, restored: tuple[str, bool] = ("", True)) -> None:
        """Open the screens on the database at ``path``.

        Args:
            restored: what came of restoring a backup before, and whether it was done.
        """
        super().__init__()
        self._restored = restored
        #: A backup to restore once the screens are closed, which then open again.
        self.to_restore: Path | None = None
        symbols.choose()
        #: The user's own keys that work everywhere.
        self.moved = own_keys.move(self._bindings, own_keys.EVERYWHERE)
        self._key_faults = [*own_keys.own_keys().faults, *self.moved.faults, *MarkTable.bound()[1].faults]
        self.set_class(symbols.symbols().ascii_only, "-ascii")
        chosen = preferences.theme()
        if chosen in self.available_themes:
            self.theme = chosen
        self.context = Context(path, self.post_message)
        self._version = data_version(self.context.db)
        self._not_before = 0.0
        #: What was done last, while it is shown.
        self.told: Told | None = None
        self._refresh_at = time.monotonic() + REFRESH_SECONDS

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Defaults for themes that use the terminal's own palette, whose colours are unknown."""
        return {"jump-foreground": "ansi_default"}

    def get_css_variables(self) -> dict[str, str]:
        """The theme's colours, with enough contrast."""
        self.theme_variables = readable(super().get_css_variables())
        return self.theme_variables

    async def on_mount(self) -> None:
        self.set_interval(POLL_SECONDS, self._poll)
        self.call_after_refresh(self._welcome)

    def on_unmount(self) -> None:
        self.context.close()

    @property
    def shown_page(self) -> Page | None:
        """The page that is shown; None under a window, and while the app closes, when there is no screen any more."""
        shown = self.screen_stack[-1:]
        return shown[0] if shown and isinstance(shown[0], Page) else None

    # Following the database

    def _poll(self) -> None:
        now = time.monotonic()
        # A timer may still tick while the app closes.
        if now < self._not_before or not self.is_running:
            return
        try:
            with explained(self.context.path):
                self.context.store.check_place()
                version = data_version(self.context.db)
                if version == self._version and now < self._refresh_at:
                    return
                self._version = version
                check_schema(self.context.db)
                self._read()
        except StoreError as error:
            if page := self.shown_page:
                page.fail(str(error))
        self._refresh_at = now + REFRESH_SECONDS
        # At most a tenth of the time is spent on reading, however large the database is.
        self._not_before = now + 9 * (time.monotonic() - now)

    def _read(self) -> None:
        self._finish_jobs()
        if page := self.shown_page:
            page.refresh_all()

    def _finish_jobs(self) -> None:
        page = self.shown_page
        for job_id, asked in list(self.context.jobs.items()):
            job = jobs.job(self.context.db, job_id)
            if job is not None and job.state in ("queued", "running"):
                continue
            del self.context.jobs[job_id]
            if job is None:
                continue
            if asked.done is None:
                sentence = str((job.result or {}).get("sentence", "done"))
                self.show_result(Result(asked.label, sentence, job.state == "failed"))
                continue
            if page:
                # The result may open a window over the page, and a page under a window is not updated.
                page.show_jobs()
            asked.done(job)

    # What was done

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = False,
    ) -> None:
        """Show a sentence on lines of its own above the key hints, for some seconds; it covers nothing."""
        sentence = f"{title}: {message}" if title else message
        tone = {"error": "bad", "warning": "warn"}.get(severity, "strong")
        told = self.told = Told(sentence, tone)
        self._show_told()

        def end() -> None:
            if self.told is told:
                self.hush()

        self.set_timer(timeout or 6, end)

    def hush(self) -> None:
        """Remove the sentence on what was done last."""
        self.told = None
        self._show_told()

    def _show_told(self) -> None:
        page = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)
        if page is not None:
            page.show_told(self.told)

    @on(Result)
    def show_result(self, event: Result) -> None:
        """Something that was asked for is done, or failed."""
        self.notify(
            safe(f"{'Failed: ' if event.failed else ''}{event.sentence}"),
            title=safe(event.label),
            severity="error" if event.failed else "information",
            timeout=20 if event.failed else 6,
        )

    @on(JobAsked)
    def watch_job(self, event: JobAsked) -> None:
        """Follow the job's row until it is finished."""
        self.context.jobs[event.job_id] = event
        self._read()

    @property
    def is_changing(self) -> bool:
        """Whether the rows on the screen are still those of an earlier filter, so that a key must wait."""
        page = self.shown_page
        return page is not None and page.is_changing and not isinstance(self.focused, Input)

    def takes(self, event: events.Key | events.Paste) -> bool:
        """In jump mode the next key is a letter to jump to; esc takes a failure off the screen and does no more."""
        page = self.shown_page
        is_escape = isinstance(event, events.Key) and event.key == "escape"
        if is_escape and page and page.jump is None and self.told and self.told.tone == "bad":
            self.hush()
            return True
        if page is None or page.jump is None:
            return False
        page.finish_jump(event.character if isinstance(event, events.Key) else None)
        return not (isinstance(event, events.Key) and event.key == "ctrl+q")

    # Moving between screens

    async def action_tab(self, mode: str) -> None:
        """Show a main screen and close what is open over its list, except a form that is not saved."""
        if not self.is_running:
            # The app is closing: a new screen would be added to the list of those that are being closed.
            return
        await self.switch_mode(mode)
        while len(self.screen_stack) > 1:
            if (page := self.shown_page) and page.is_unsaved:
                page.say_unsaved()
                return
            await self.pop_screen()

    def _welcome(self) -> None:
        """After the first paint: open the guide for an empty database, and offer unsaved drafts."""
        said, is_done = self._restored
        if said:
            self.notify(said, title="Restore", severity="information" if is_done else "error", timeout=20)
        if not self.context.db.execute("SELECT 1 FROM channel LIMIT 1").get:
            self.action_open("Guide")
        self._offer_draft(asked=False)
        if self._key_faults:
            said = " ".join(self._key_faults)
            self.notify(f"{preferences.file_name()}: {said}", severity="warning", timeout=20)

    def action_open(self, name: str) -> None:
        """Open the guide, the doctor or the backups, unless that is what is shown."""
        if type(self.screen).__name__ != name:
            self.push_screen(made(f"screens.{name.lower()}", name))

    def _drafts(self) -> list[Draft]:
        """The unsaved drafts that are in no open form, the newest first."""
        from chansync_tui.user_files import drafts

        return drafts.found(self.context.path, but={path for page in self._pages() if (path := page.draft_path)})

    def _offer_draft(self, *, asked: bool = True) -> None:
        """Ask what to do with the newest unsaved draft."""

        found = self._drafts()
        if not found:
            if asked:
                self.notify("There is no unsaved draft.")
            return
        from chansync_tui.screens.dialogs import DraftPrompt

        draft = found[0]

        def answered(answer: str) -> None:
            if answer == "discard":
                draft.path.unlink(missing_ok=True)
            elif answer == "go-on":
                self.resume(draft)

        DraftPrompt(draft, len(found) - 1).ask(self, answered)

    def action_command_palette(self) -> None:
        """Open the palette: commands, and anything by its number or name."""
        from chansync_tui.screens.palette import Palette

        if isinstance(self.screen, Palette):
            return
        commands = [
            each._replace(help=self._with_own_keys(each.help)) for each in self.get_system_commands(self.screen)
        ]
        Palette(commands, partial(self.in_tab, "orders", "missing")).ask(self, lambda command: command())

    def _with_own_keys(self, about: str) -> str:
        """What a command does, where it names a key as ``(key m)`` with the user's own."""
        page = self.shown_page
        if page is None:
            return about
        return re.sub(r"\(key (\S+)\)", lambda found: f"(key {page.own_key(found[1])})", about)

    def action_change_theme(self) -> None:
        """Choose another theme, which is shown meanwhile."""
        from chansync_tui.screens.finder import Option, Themes

        before = self.theme

        def change(chosen: str | None) -> None:
            self.theme = chosen or before
            if chosen and (sentence := preferences.keep_theme(chosen)):
                self.notify(sentence, severity="warning")

        def about(name: str, *, ansi: bool) -> str:
            return ", ".join(["now"] * (name == before) + ["the terminal's own colours"] * ansi)

        options = [
            Option(name, name, about(name, ansi=theme.ansi)) for name, theme in sorted(self.available_themes.items())
        ]
        self.push_screen(Themes(options, before), change)

    def action_help_quit(self) -> None:
        """Ctrl+c does not quit: say what does."""
        self.notify(f"{own_keys.called('q', own_keys.EVERYWHERE)} quits.", timeout=3)

    def action_undo(self) -> None:
        """Undo what was done last, of what can be undone."""
        action = next((each for each in reversed(self.context.actions) if each.undo is not None), None)
        if action is None:
            self.notify("Nothing that was done in this program can be undone.")
        else:
            self.context.undo(action)

    def action_actions(self) -> None:
        """Show what was done, now and in earlier sessions; the chosen action is undone, if that is possible."""
        from chansync_tui.screens.finder import Finder, Option
        from chansync_tui.user_files import action_log

        def undo(chosen: Action) -> None:
            if chosen.undo is None:
                self.notify("This cannot be undone from here.")
            else:
                self.context.undo(chosen)

        options = [
            Option(
                each, f"{local_text(each.at, seconds=True)[11:]}  {each.what}", "enter undoes it" if each.undo else ""
            )
            for each in reversed(self.context.actions)
        ]
        before = action_log.earlier(self.context.path, self.context.session)
        if before:
            options.append(Option(Action(0, ""), "In earlier sessions", is_heading=True))
            options += [Option(Action(at, what), f"{local_text(at)}  {what}") for at, what in before]
        if options:
            Finder[Action](f"What {self.context.user} did here", options, word_width=52).ask(self, undo)
        else:
            self.notify("Nothing was done in this program yet.")

    def action_keys(self) -> None:
        from chansync_tui.screens.finder import Help

        page = self.shown_page
        if page is None:
            return
        nodes = {active.binding.action: active.node for active in page.active_bindings.values()}
        Help(page).ask(self, lambda action: self.run_action(action, nodes[action]))

    async def action_quit(self) -> None:
        """Quit; ask first while a job or an export runs here. The key quits at once while the question is shown.

        Forms that are not saved are kept as drafts, and offered at the next start.
        """
        long_work = self.context.long_work
        if not self.context.runs_job and not long_work:
            self._leave()
            return
        from chansync_tui.screens.dialogs import Confirm

        if isinstance(self.screen, Confirm):
            self._leave()
            return

        if self.context.runs_job:
            question = (
                "A job runs in this program. Quitting stops it: nothing is lost, the next run goes on from there."
            )
        else:
            question = f"{long_work} is not done. Quitting cancels it, and leaves no part of a file."
        Confirm(question, "Quit", "Stay").ask(self, lambda _: self._leave())

    def restore(self, file: Path) -> None:
        """Close the screens, restore the backup, and open them again."""
        self.to_restore = file
        self._leave()

    def _pages(self) -> list[Page]:
        """Every open screen, including those of the other tabs."""
        screens = (screen for stack in self._screen_stacks.values() for screen in stack)
        return [screen for screen in screens if isinstance(screen, Page)]

    def _leave(self) -> None:
        unsaved = [page for page in self._pages() if page.is_unsaved]
        for screen in unsaved:
            screen.keep_typed()
        note = "What you typed is not saved. It is kept as a draft, without secrets, and offered at the next start."
        self.exit(message=note if unsaved else None)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """The commands of the palette: the screens, what the screen's keys do, the channels, themes."""
        for number, (mode, title) in enumerate(TABS.items()):
            yield SystemCommand(
                title, f"Go to the screen (key {number})", lambda mode=mode: self.run_action(f"tab('{mode}')")
            )
        if isinstance(screen, Page):
            yield from screen.commands()
            yield from self.routes(screen)
        yield SystemCommand("Keys", "Search the keys of this screen (key ?)", self.action_keys)
        yield SystemCommand(
            "Guide", "The first steps, and which of them are done (key w)", partial(self.action_open, "Guide")
        )
        if self._drafts():
            yield SystemCommand("Unsaved draft", "What was typed and not saved earlier", self._offer_draft)
        yield SystemCommand(
            "Doctor", "What is wrong with the installation (key !)", partial(self.action_open, "Doctor")
        )
        yield SystemCommand(
            "Backups", "Make one, list them, look them through (key B)", partial(self.action_open, "Backups")
        )
        yield SystemCommand("Undo", "What was done last, where that is possible (key z)", self.action_undo)
        yield SystemCommand("Actions", "What was done, now and in earlier sessions (key @)", self.action_actions)
        yield SystemCommand("Theme", "Choose other colours (key F9)", self.action_change_theme)
        yield SystemCommand(
            "Screenshot", "Save a picture (SVG) of this screen", lambda: self.set_timer(0.1, self.deliver_screenshot)
        )
        yield SystemCommand("Quit", "Leave chansync (key q)", lambda: self.run_action("quit"))
