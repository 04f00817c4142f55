"""``chansync erp merge-customers``."""

from __future__ import annotations

import click

from chansync.cli.support.lazy import examples
from chansync.cli.support.output import add_facts, say
from chansync.cli.support.session import Session, pass_session


@click.command("merge-customers", epilog=examples("chansync erp merge-customers 12 40"))
@click.argument("kept", type=int)
@click.argument("other", type=int)
@pass_session
def merge_customers(session: Session, kept: int, other: int) -> None:
    """Make one of two customers: KEPT gets the sales of OTHER, and what it lacks of numbers, phone and e-mail.

    KEPT and OTHER are the customers' numbers, as chansync erp sale shows them. OTHER is gone afterwards; each of its
    sales notes it.
    """
    from chansync.db.transaction import transaction
    from chansync.erp.ledger.customers import merge_customers as merge

    with transaction(session.db):
        done = merge(session.db, kept, other)
    add_facts(changed=True, kept=kept)
    say(done)
