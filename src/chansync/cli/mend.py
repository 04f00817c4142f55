"""``chansync mend``: what a message can be mended by, and doing it; ``chansync solve``: done by hand."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.output import add_facts, mode, note, print_json, say, say_error
from chansync.cli.support.session import Session, user_name
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from chansync.orders.remedies import Remedy, Subject


@command("chansync mend 17", "chansync mend 17 map cash", "chansync mend 17 retry")
@click.argument("message_id", metavar="MESSAGE", type=click.IntRange(1, 2**62))
@click.argument("name", metavar="[REMEDY]", required=False)
@click.argument("added", metavar="[WORD]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="As JSON: the remedies, or what the remedy did.")
def mend(session: Session, message_id: int, name: str | None, added: tuple[str, ...], as_json: bool) -> int:
    """List what mends a message, or do one of it. WORDs are what a remedy's command lacks, in its order.

    The exit code of a remedy is that of the command that it runs.
    """
    from chansync.orders.remedies import offered, subjects_of

    found = subjects_of(session.db, [message_id], user_name())
    if not found:
        raise UsageError(f"There is no message {message_id}. See: chansync log")
    subject = found[0]
    there = offered(subject)
    if name is None:
        _list(subject, there, as_json)
        return exit_codes.OK
    chosen = next((remedy for remedy in there if remedy.name == name), None)
    if chosen is None:
        names = ", ".join(remedy.name for remedy in there) or "none"
        raise UsageError(f"Message {message_id} has no remedy {name!r:.40}. There are: {names}.")
    if chosen.perform is None:
        return _run(session, subject, chosen, added, as_json)
    if added:
        raise UsageError(f"The remedy {name} takes no words.")
    done = chosen.perform(session.db, subject)
    if subject.channel is None or subject.order is None:
        # The sentence is all that there is to tell.
        mode.collects = as_json
        say(done)
        return exit_codes.OK
    (note if as_json else say)(done)
    return _execute(session, ["retry", subject.channel.code, "--order", subject.order.external_id], as_json)


def _list(subject: Subject, offered: tuple[Remedy, ...], as_json: bool) -> None:
    message = subject.message
    rows = [
        (
            remedy.name, remedy.sentence,
            f"chansync mend {message.id} {remedy.name}" if remedy.perform
            else shlex.join(remedy.command_for(subject).words),
        )
        for remedy in offered
    ]  # fmt: skip
    if as_json:
        told = [{"name": name, "what": sentence, "command": command} for name, sentence, command in rows]
        print_json({"message": message.id, "code": message.code, "open": message.open, "remedies": told})
        return
    say(message.sentence)
    for name, sentence, line in rows:
        say(f"  {name}: {sentence}")
        say(f"      {line}")
    if not rows:
        say("There is nothing that mends it.")


def _run(session: Session, subject: Subject, remedy: Remedy, added: tuple[str, ...], as_json: bool) -> int:
    command = remedy.command_for(subject, added)
    if command.missing:
        raise UsageError(
            f"Say {' and '.join(command.missing)}: chansync mend {subject.message.id} {remedy.name} "
            f"{shlex.join([*added, *command.missing])}. It runs: {shlex.join(command.words)}"
        )
    note(shlex.join(command.words))
    code = _execute(session, command.words[1:], as_json)
    changes = command.words[1] in _CHANGING and command.words[2] not in _LOOKING
    if code != exit_codes.OK or not changes:
        return code
    from chansync.store import messages

    found = messages.message(session.db, subject.message.id)
    if found is not None and found.open:
        note(f"Then: chansync retry --message {subject.message.id}")
    return code


#: The groups of commands by which a message is mended, and those of their commands that only look.
_CHANGING = frozenset({"map", "erp", "channel", "system"})
_LOOKING = frozenset({"test", "show", "sale"})


def _execute(session: Session, words: list[str], as_json: bool) -> int:
    """Run another command on the same database."""
    from chansync.cli.program import execute

    path = session.path
    session.close()
    return execute(["--db", str(path), *words, *(["--json"] if as_json else [])])


@command("chansync solve 17 18", "chansync solve --undo 17")
@click.argument("ids", metavar="ID...", type=click.IntRange(1, 2**62), nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="Open them again.")
def solve(session: Session, ids: tuple[int, ...], undo: bool) -> int:
    """Mark messages as solved. A problem that is still there comes back with the next try."""
    from chansync.store import messages

    done = []
    for each in ids:
        if messages.reopen(session.db, each) if undo else messages.solve(session.db, each, user_name()):
            done.append(each)
            say(f"Message {each} is open again." if undo else f"Message {each} is marked as solved.")
        elif messages.message(session.db, each) is None:
            say_error(f"Message {each} does not exist.", "no_message")
        elif undo:
            say_error(f"Message {each} is open, or is no problem, or its problem came again.", "not_solved")
        else:
            say_error(f"Message {each} is not open.", "not_open")
    add_facts(changed=bool(done), **{"opened" if undo else "solved": done})
    return exit_codes.OK if len(done) == len(ids) else exit_codes.PROBLEMS
