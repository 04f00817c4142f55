"""Mending a problem where it is shown: whom it holds up, and what can be done, for all of the same cause."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import apsw

from chansync.db.connection import Store
from chansync.model.message import CODES
from chansync.model.times import now_ms
from chansync.orders.remedies import Remedy, Subject, offered, subjects_of
from chansync.setup import remedy_choices
from chansync.setup.remedy_choices import Choice
from chansync.store import messages, orders
from chansync.store.jobs import Job
from chansync.store.problem_causes import Cause, cause_of
from chansync_tui.formatting import counted, since
from chansync_tui.navigation_events import Edit, Show
from chansync_tui.screens.dialogs import Confirm, Field, Question, Report
from chansync_tui.screens.finder import Finder, Option
from chansync_tui.screens.page import Page
from chansync_tui.widgets.line import Part


class Mending:
    """What the keys of a page do to mend a problem.

    Args:
        page: the screen.
    """

    def __init__(self, page: Page) -> None:
        self._page = page

    @property
    def _db(self) -> apsw.Connection:
        return self._page.context.db

    def open(self, message_id: int, *, of_cause: bool = False) -> None:
        """Show what mends the message; do what is chosen, for all of its cause that it is offered for.

        Args:
            of_cause: show only what mends all of its cause.
        """
        message = messages.message(self._db, message_id)
        if message is None:
            self._page.notify("This message is gone: its channel was removed.")
            return
        if not message.open and message.solved_at:
            self._page.notify("It is not open: there is nothing to mend.")
            return
        cause = cause_of(self._db, message_id) if message.open else None
        ids = cause.message_ids if cause else [message_id]
        found = offered(*subjects_of(self._db, ids if of_cause else [message_id]))
        if not found:
            several = "Nothing mends all of them together: mend them one by one."
            one = "Nothing mends it: it only tells what happened."
            self._page.notify(several if of_cause and len(ids) > 1 else one)
            return

        code = CODES.get(message.code)
        title = code.title if code else message.code
        options = [Option(remedy, remedy.sentence) for remedy in found]
        about = [message.sentence, *_held_up(cause, of_cause=of_cause)]
        window = Finder[Remedy](title, options, word_width=60, about=about)
        window.ask(self._page, lambda remedy: self.perform(remedy, ids, cause))

    def perform(self, remedy: Remedy, message_ids: Sequence[int], cause: Cause | None) -> None:
        """Perform a remedy for these messages; what a person has to choose for it is asked first."""
        subjects = remedy_choices.performed_on(self._db, remedy, message_ids, self._page.context.user)
        if not subjects:
            self._page.notify("This is not possible any more: the messages are gone, or have changed.")
            return
        first = subjects[0]
        if self._opens(remedy, first):
            return
        words = remedy.command.split()[1:]
        if words[:1] == ["retry"]:
            self.retry(message_ids, cause)
        elif words[:1] == ["solve"]:
            self.solve(message_ids)
        else:
            asked = remedy_choices.choices(self._db, first, remedy)

            def done(code: int, told: Sequence[str]) -> None:
                self._page.app.call_later(self._done, remedy, code, "\n".join(told), message_ids, cause)

            def do(added: list[str]) -> None:
                if remedy.perform is not None:
                    self._decide(remedy, remedy.perform, subjects, done)
                else:
                    self._command(remedy, subjects, added, done)

            if _is_final(remedy) and not asked:
                self._agree(remedy, subjects, lambda: do([]))
            else:
                self._ask(asked, [], do)

    def _opens(self, remedy: Remedy, subject: Subject) -> bool:
        """Open what the remedy leads to, if it is a page of these screens; whether it is."""
        words, message = remedy.command.split()[1:], subject.message
        field = remedy_choices.fields_of(subject, remedy)
        if field is not None and subject.channel is not None:
            self._page.post_message(Edit("channel", subject.channel.id, field=field))
        elif words[:2] == ["erp", "sale"] and subject.order is not None and subject.order.sale is not None:
            self._page.post_message(Show("sale", subject.order.sale.number))
        elif words[:1] == ["why"] and message.order_id is not None:
            self._page.post_message(Show("order", message.order_id))
        elif words[:2] == ["log", "show"]:
            self._page.post_message(Show("message", message.id))
        else:
            return False
        return True

    # What a person chooses

    def _agree(self, remedy: Remedy, subjects: Sequence[Subject], then: Callable[[], None]) -> None:
        """Ask first: it cannot be undone."""
        first = subjects[0].message.sentence
        more = f"\n\nAnd so for {counted(len(subjects) - 1, 'more problem')}." if len(subjects) > 1 else ""
        Confirm(f"{remedy.sentence}\n\n{first}{more}", "Do it").ask(self._page, lambda _: then())

    def _ask(self, left: Sequence[Choice], added: list[str], then: Callable[[list[str]], None]) -> None:
        if not left:
            then(added)
            return
        choice, *others = left

        def go_on(word: str) -> None:
            if word:
                self._ask(others, [*added, word], then)

        if choice.search is None:
            field = [Field("word", choice.label[:18])]
            question = Question("Mend", f"{choice.label}?", "Go on", field, changes=False)
            question.ask(self._page, lambda answer: go_on(answer["word"]))
        else:
            from chansync_tui.screens.chooser import Chooser

            Chooser(choice.label, choice.search, chosen="", empty="", new="").ask(self._page, go_on)

    # Doing it

    def _command(
        self, remedy: Remedy, subjects: Sequence[Subject], added: Sequence[str], done: Callable[[int, list[str]], None]
    ) -> None:
        """Run the command of the remedy for one subject after another, until one fails."""
        left = list(subjects)
        told: list[str] = []

        def next_one(code: int = 0, said: str = "") -> None:
            if said:
                told.append(said)
            if code or not left:
                done(code, told)
            else:
                self._page.context.command(remedy_choices.words_for(left.pop(0), remedy, added), next_one)

        self._page.notify(f"{remedy.sentence} ...")
        next_one()

    def _decide(
        self,
        remedy: Remedy,
        perform: Callable[[apsw.Connection, Subject], str],
        subjects: Sequence[Subject],
        done: Callable[[int, list[str]], None],
    ) -> None:
        def do(store: Store) -> list[str]:
            return [perform(store.db, subject) for subject in subjects]

        def told(outcome: object) -> None:
            if isinstance(outcome, list):
                done(0, outcome)
            else:
                done(1, [str(outcome)])

        self._page.context.note(remedy.sentence)
        self._page.context.attempt(do, told)

    def _done(self, remedy: Remedy, code: int, said: str, message_ids: Sequence[int], cause: Cause | None) -> None:
        if code:
            self._page.notify(said or "It was not done.", title="Failed", severity="error", timeout=20)
        elif _is_mended(remedy):
            self.retry(message_ids, cause)
        elif said.count("\n") > 3:
            parts: list[Part] = [(line, "") for line in said.split("\n")]
            self._page.app.push_screen(Report(remedy.sentence, parts))
        else:
            self._page.notify(said or "Done.", timeout=10)

    def retry(self, message_ids: Sequence[int], cause: Cause | None) -> None:
        """Try again what waits for the same cause, and say what came of it."""
        if not message_ids:
            return
        found = [message for each in message_ids if (message := messages.message(self._db, each))]
        order_ids = sorted({message.order_id for message in found if message.order_id is not None})
        channels = {message.channel_id for message in found}
        only = next(iter(channels)) if len(channels) == 1 else None
        money = f", {cause.money}" if cause and cause.money else ""

        def told(job: Job) -> None:
            if not order_ids or job.state == "failed":
                sentence = str((job.result or {}).get("sentence", "done"))
                failed = job.state == "failed"
                self._page.app.notify(
                    sentence, severity="error" if failed else "information", timeout=20 if failed else 10
                )
                return
            rows = [orders.by_id(self._db, each) for each in order_ids]
            imported = sum(row is not None and row.state == "imported" for row in rows)
            still = len(order_ids) - imported
            left = f", {still} with another problem" if still else ""
            self._page.app.notify(
                f"{len(order_ids)} tried again: {imported} imported{money if imported else ''}{left}.", timeout=10
            )

        if order_ids:
            label = f"Retry {counted(len(order_ids), 'order')}"
            self._page.context.ask(label, "retry", only, {"order_ids": order_ids}, told)
        elif only is not None:
            self._page.context.ask("Sync the channel", "sync", only, {}, told)
        else:
            self._page.context.ask("Retry", "retry", None, {}, told)

    def solve(self, message_ids: Sequence[int]) -> None:
        """Mark messages as solved, after a question; it can be undone."""
        found = [message for each in message_ids if (message := messages.message(self._db, each)) and message.open]
        if not found:
            self._page.notify("It is not open.")
            return
        context, ids = self._page.context, [message.id for message in found]
        one = len(found) == 1
        what = found[0].sentence if one else counted(len(found), "open problem")

        def solve(store: Store) -> str:
            done = sum(messages.solve(store.db, each, context.user) for each in ids)
            return f"{counted(done, 'message')} marked as solved. {self._page.own_key('z')} undoes it."

        def reopen(store: Store) -> str:
            again = sum(messages.reopen(store.db, each) for each in ids)
            return f"{counted(again, 'message')} open again."

        question = f"Mark as solved?\n\n{what}\n\nIt was mended by hand, or nothing needs to be done."
        label = f"Mark {counted(len(ids), 'message')} as solved"
        Confirm(question, "Solved").ask(self._page, lambda _: context.write(label, solve, reopen))


def _held_up(cause: Cause | None, *, of_cause: bool) -> list[str]:
    """How many wait for the same, of which channels, what it comes to and since when."""
    if cause is None or cause.count < 2:
        return []
    what = f"{cause.count} problems of {counted(len(cause.channels) or 1, 'channel')} wait for it"
    money = f": {cause.money}" if cause.money else ""
    done = "for all of them" if of_cause else "for each of them where it applies"
    return [f"{what}{money}; the oldest since {since(cause.first_at, now_ms())}. It is done {done}."]


def _is_final(remedy: Remedy) -> bool:
    """Whether it decides on a sale, which cannot be undone."""
    about_sale = {"cancel", "reverse", "refund", "pay", "release", "write-out", "merge-customers"}
    return remedy.perform is not None or bool(about_sale & set(remedy.command.split()[2:3]))


def _is_mended(remedy: Remedy) -> bool:
    """Whether the orders are to be tried again after it."""
    words = remedy.command.split()
    return remedy.perform is not None or bool({"map", "set", "add", "issue", "release", "merge-customers"} & {*words})


def open_problem_of(db: apsw.Connection, order_id: int) -> int | None:
    """The newest open problem of an order."""
    found = [message.id for message in messages.of_order(db, order_id) if message.open]
    return found[-1] if found else None
