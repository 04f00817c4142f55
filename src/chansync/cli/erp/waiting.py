"""Waiting for what an outside ERP answers."""

from __future__ import annotations

from chansync.cli.support.output import say
from chansync.cli.support.session import Session
from chansync.model.errors import ChansyncError

#: How long the daemon is waited for, in seconds.
WAIT = 600


def wait_for_answer(session: Session, number: str) -> None:
    """Have the ERP asked that has the sale of that number, and say what it has answered; nothing for the ledger.

    Raises:
        ChansyncError: it has refused a step, or has not answered.
    """
    from chansync.cli.support.jobs import ask_and_wait, is_by_daemon
    from chansync.erp import registry
    from chansync.erp.outside import sales
    from chansync.sync.erp_run import ErpRequest, run_with_turn

    erp, key = registry.find_sale(session.db, number)
    if not erp.is_outside:
        return
    code = erp.code
    if is_by_daemon(session):
        job = ask_and_wait(session.db, "erp", None, {"code": code, "what": "run"}, seconds=WAIT)
        sentence = str(((job.result if job else None) or {}).get("sentence", ""))
    else:
        sentence = session.run_async(lambda store: run_with_turn(store, code, ErpRequest(again=True))).sentence
    name = registry.name_of(session.db, code)
    rows = sales.steps_of(session.db, key)
    waiting = [row for row in rows if row.state in sales.OPEN]
    if waiting:
        told = f"{name} has not answered yet. {sentence}".rstrip()
        raise ChansyncError(
            f"{told} It is sent once it answers; at once: chansync erp retry {code}", code="erp_unavailable"
        )
    if rows and rows[-1].state == "problem":
        told = f"{name}: {rows[-1].sentence} Then: chansync erp retry {code}"
        raise ChansyncError(told, code=rows[-1].result.code if rows[-1].result else "")
    say(f"{number}: {name} has done it.")
