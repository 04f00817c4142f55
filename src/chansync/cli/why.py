"""``chansync why``: why an order is as it is."""

from __future__ import annotations

import click

from chansync.cli.support import completing, exit_codes
from chansync.cli.support.lazy import examples
from chansync.cli.support.output import print_json, print_line, say
from chansync.cli.support.session import Session, pass_session


@click.command(epilog=examples("chansync why shop-de 1001"))
@click.argument("code", shell_complete=completing.channels)
@click.argument("number")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def why(session: Session, code: str, number: str, as_json: bool) -> int:
    """Say why an order is as it is. Exit code 1 when it was never seen."""
    from chansync.cli.log.command import message_line
    from chansync.explain.why import why as explain
    from chansync.store import channels

    told = explain(session.db, channels.channel(session.db, code), number)
    if as_json:
        print_json(told.as_data(code))
    else:
        for sentence in told.sentences:
            say(sentence)
        for message in told.messages:
            print_line(message_line(message))
        if told.sale_number:
            say(f"The sale: chansync erp sale {told.sale_number}")
    return exit_codes.OK if told.found else exit_codes.PROBLEMS
