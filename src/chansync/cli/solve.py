"""``chansync solve``: messages that are solved by hand."""

from __future__ import annotations

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import add_facts, say, say_error
from chansync.cli.support.session import Session, pass_session, user_name


@click.command(epilog=examples("chansync solve 17 18"))
@click.argument("ids", metavar="ID...", type=click.IntRange(1, 2**62), nargs=-1, required=True)
@pass_session
def solve(session: Session, ids: tuple[int, ...]) -> int:
    """Mark messages as solved. A problem that is still there comes back with the next try."""
    from chansync.store import messages

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
