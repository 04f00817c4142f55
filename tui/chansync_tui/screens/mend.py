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

#: Gets the exit code of what was done, and what it said.
_Done = Callable[[int, Sequence[str]], None]


def offer(page: Page, message_id: int, *, of_cause: bool = False) -> None:
    """Show what mends the message; do what is chosen, for all of its cause that it is offered for.

    Args:
        of_cause: show only what mends all of its cause.
    """
    message = messages.message(page.context.db, message_id)
    if message is None:
        page.notify("This message is gone: its channel was removed.")
        return
    if not message.open and message.solved_at:
        page.notify("It is not open: there is nothing to mend.")
        return
    cause = cause_of(page.context.db, message_id) if message.open else None
    ids = cause.message_ids if cause else [message_id]
    found = offered(*subjects_of(page.context.db, ids if of_cause else [message_id]))
    if not found:
        several = "Nothing mends all of them together: mend them one by one."
        one = "Nothing mends it: it only tells what happened."
        page.notify(several if of_cause and len(ids) > 1 else one)
        return

    code = CODES.get(message.code)
    title = code.title if code else message.code
    options = [Option(remedy, remedy.sentence) for remedy in found]
    about = [message.sentence, *_held_up(cause, of_cause=of_cause)]
    window = Finder[Remedy](title, options, word_width=60, about=about)
    window.ask(page, lambda remedy: _perform(page, remedy, ids, cause))


def _perform(page: Page, remedy: Remedy, message_ids: Sequence[int], cause: Cause | None) -> None:
    """Perform a remedy for these messages; what a person has to choose for it is asked first."""
    subjects = remedy_choices.performed_on(page.context.db, remedy, message_ids, page.context.user)
    if not subjects:
        page.notify("This is not possible any more: the messages are gone, or have changed.")
        return
    first = subjects[0]
    if _open(page, remedy, first):
        return
    words = remedy.command.split()[1:]
    if words[:1] == ["retry"]:
        retry(page, message_ids, cause)
    elif words[:1] == ["solve"]:
        solve(page, message_ids)
    else:
        asked = remedy_choices.choices(page.context.db, first, remedy)

        def done(code: int, told: Sequence[str]) -> None:
            page.app.call_later(_done, page, remedy, code, "\n".join(told), message_ids, cause)

        def do(added: list[str]) -> None:
            if remedy.perform is not None:
                _decide(page, remedy, remedy.perform, subjects, done)
            else:
                _command(page, remedy, subjects, added, done)

        if _is_final(remedy) and not asked:
            _agree(page, remedy, subjects, lambda: do([]))
        else:
            _ask(page, asked, [], do)


def _open(page: Page, remedy: Remedy, subject: Subject) -> bool:
    """Open what the remedy leads to, if it is a page of these screens; whether it is."""
    words, message = remedy.command.split()[1:], subject.message
    field = remedy_choices.fields_of(subject, remedy)
    if field is not None and subject.channel is not None:
        page.post_message(Edit("channel", subject.channel.id, field=field))
    elif words[:2] == ["erp", "sale"] and subject.order is not None and subject.order.sale is not None:
        page.post_message(Show("sale", subject.order.sale.number))
    elif words[:1] == ["why"] and message.order_id is not None:
        page.post_message(Show("order", message.order_id))
    elif words[:2] == ["log", "show"]:
        page.post_message(Show("message", message.id))
    else:
        return False
    return True


# What a person chooses


def _agree(page: Page, remedy: Remedy, subjects: Sequence[Subject], then: Callable[[], None]) -> None:
    """Ask first: it cannot be undone."""
    first = subjects[0].message.sentence
    more = f"\n\nAnd so for {counted(len(subjects) - 1, 'more problem')}." if len(subjects) > 1 else ""
    Confirm(f"{remedy.sentence}\n\n{first}{more}", "Do it").ask(page, lambda _: then())


def _ask(page: Page, left: Sequence[Choice], added: list[str], then: Callable[[list[str]], None]) -> None:
    if not left:
        then(added)
        return
    choice, *others = left

    def go_on(word: str) -> None:
        if word:
            _ask(page, others, [*added, word], then)

    if choice.search is None:
        field = [Field("word", choice.label[:18])]
        question = Question("Mend", f"{choice.label}?", "Go on", field, changes=False)
        question.ask(page, lambda answer: go_on(answer["word"]))
    else:
        from chansync_tui.screens.chooser import Chooser

        Chooser(choice.label, choice.search, chosen="", empty="", new="").ask(page, go_on)


# Doing it


def _command(page: Page, remedy: Remedy, subjects: Sequence[Subject], added: Sequence[str], done: _Done) -> None:
    """Run the command of the remedy for one subject after another, until one fails."""
    left = list(subjects)
    told: list[str] = []

    def next_one(code: int = 0, said: str = "") -> None:
        if said:
            told.append(said)
        if code or not left:
            done(code, told)
        else:
            page.context.command(remedy_choices.words_for(left.pop(0), remedy, added), next_one)

    page.notify(f"{remedy.sentence} ...")
    next_one()


def _decide(
    page: Page,
    remedy: Remedy,
    perform: Callable[[apsw.Connection, Subject], str],
    subjects: Sequence[Subject],
    done: _Done,
) -> None:
    def do(store: Store) -> list[str]:
        return [perform(store.db, subject) for subject in subjects]

    def told(outcome: object) -> None:
        if isinstance(outcome, list):
            done(0, outcome)
        else:
            done(1, [str(outcome)])

    page.context.note(remedy.sentence)
    page.context.attempt(do, told)


def _done(page: Page, remedy: Remedy, code: int, said: str, message_ids: Sequence[int], cause: Cause | None) -> None:
    if code:
        page.notify(said or "It was not done.", title="Failed", severity="error", timeout=20)
    elif _is_mended(remedy):
        retry(page, message_ids, cause)
    elif said.count("\n") > 3:
        parts: list[Part] = [(line, "") for line in said.split("\n")]
        page.app.push_screen(Report(remedy.sentence, parts))
    else:
        page.notify(said or "Done.", timeout=10)


def retry(page: Page, message_ids: Sequence[int], cause: Cause | None) -> None:
    """Try again what waits for the same cause, and say what came of it."""
    if not message_ids:
        return
    found = [message for each in message_ids if (message := messages.message(page.context.db, each))]
    order_ids = sorted({message.order_id for message in found if message.order_id is not None})
    channels = {message.channel_id for message in found}
    only = next(iter(channels)) if len(channels) == 1 else None
    money = f", {cause.money}" if cause and cause.money else ""

    def told(job: Job) -> None:
        if not order_ids or job.state == "failed":
            sentence = str((job.result or {}).get("sentence", "done"))
            failed = job.state == "failed"
            page.app.notify(sentence, severity="error" if failed else "information", timeout=20 if failed else 10)
            return
        rows = [orders.by_id(page.context.db, each) for each in order_ids]
        imported = sum(row is not None and row.state == "imported" for row in rows)
        still = len(order_ids) - imported
        left = f", {still} with another problem" if still else ""
        page.app.notify(
            f"{len(order_ids)} tried again: {imported} imported{money if imported else ''}{left}.", timeout=10
        )

    if order_ids:
        label = f"Retry {counted(len(order_ids), 'order')}"
        page.context.ask(label, "retry", only, {"order_ids": order_ids}, told)
    elif only is not None:
        page.context.ask("Sync the channel", "sync", only, {}, told)
    else:
        page.context.ask("Retry", "retry", None, {}, told)


def solve(page: Page, message_ids: Sequence[int]) -> None:
    """Mark messages as solved, after a question; it can be undone."""
    found = [message for each in message_ids if (message := messages.message(page.context.db, each)) and message.open]
    if not found:
        page.notify("It is not open.")
        return
    context, ids = page.context, [message.id for message in found]
    one = len(found) == 1
    what = found[0].sentence if one else counted(len(found), "open problem")

    def solve(store: Store) -> str:
        done = sum(messages.solve(store.db, each, context.user) for each in ids)
        return f"{counted(done, 'message')} marked as solved. {page.own_key('z')} undoes it."

    def reopen(store: Store) -> str:
        again = sum(messages.reopen(store.db, each) for each in ids)
        return f"{counted(again, 'message')} open again."

    question = f"Mark as solved?\n\n{what}\n\nIt was mended by hand, or nothing needs to be done."
    label = f"Mark {counted(len(ids), 'message')} as solved"
    Confirm(question, "Solved").ask(page, lambda _: context.write(label, solve, reopen))


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
