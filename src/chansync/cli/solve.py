"""``chansync solve``: messages that are solved by hand."""

from __future__ import annotations

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import add_facts, say, say_error
from chansync.cli.support.session import Session, pass_session, user_name


@click.command(epilog=examples("chansync solve 17 18", "chansync solve --undo 17"))
@click.argument("ids", metavar="ID...", type=click.IntRange(1, 2**62), nargs=-1, required=True)
@click.option("--undo", is_flag=True, help="Open them again.")
@pass_session
def solve(session: Session, ids: tuple[int, ...], undo: bool) -> int:
    """Mark messages as solved. A problem that is still there comes back with the next try."""
    from chansync.store import messages

    if undo:
        return _reopen(session, ids)
    code = exit_codes.OK
    solved = []
    for message_id in ids:
        if messages.solve(session.db, message_id, user_name()):
            solved.append(message_id)
            say(f"Message {message_id} is marked as solved.")
            continue
        code = exit_codes.PROBLEMS
        if messages.message(session.db, message_id) is None:
            say_error(f"Message {message_id} does not exist.", "no_message")
        else:
            say_error(f"Message {message_id} is not open.", "not_open")
    add_facts(changed=bool(solved), solved=solved)
    return code


def _reopen(session: Session, ids: tuple[int, ...]) -> int:
    from chansync.store import messages

    opened = []
    for message_id in ids:
        if messages.reopen(session.db, message_id):
            opened.append(message_id)
            say(f"Message {message_id} is open again.")
        elif messages.message(session.db, message_id) is None:
            say_error(f"Message {message_id} does not exist.", "no_message")
        else:
            say_error(f"Message {message_id} is open, or is no problem, or its problem came again.", "not_solved")
    add_facts(changed=bool(opened), opened=opened)
    return exit_codes.OK if len(opened) == len(ids) else exit_codes.PROBLEMS
