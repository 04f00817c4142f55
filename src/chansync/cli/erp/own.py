"""``chansync erp serve-example``, ``openapi`` and ``contract``: for developers of an ERP that is to be connected."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.output import clean, is_agreed, paint, print_json, print_line, print_text, say
from chansync.cli.support.session import Session
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from chansync.db.connection import Store
    from chansync.erp.contract import Outcome


@command("chansync erp serve-example", "chansync erp serve-example --port 8200 --db /tmp/own-erp.db")
@click.option("--port", type=click.IntRange(0, 65535), default=8095, show_default=True, help="0: any that is free.")
@click.option(
    "--db", "file", metavar="FILE", default="own-erp.db", show_default=True, help="Its books; made where it is missing."
)
def serve_example(session: Session, port: int, file: str) -> None:
    """Run an example of an ERP of your own, on this machine, with a small company in it.

    It speaks the protocol of docs/own-erp.md, and its source is made to be copied. Ctrl-C ends it.
    """
    import sqlite3

    from chansync.erp.http.example.server import serve

    session.refuse_as_file(Path(file))
    try:
        serve(file, port, say)
    except sqlite3.Error as error:
        raise UsageError(f"{file} cannot hold the example's books ({error}): name another file with --db.") from None
    except OSError as error:
        raise UsageError(f"The port {port} cannot be used ({error.strerror}): name another one with --port.") from None


@command("chansync erp openapi > openapi.json")
def openapi() -> None:
    """Print what an ERP of your own has to answer, as an OpenAPI 3.1 description (JSON)."""
    from importlib.resources import files

    print_text((files("chansync.erp.http") / "openapi.json").read_text(encoding="utf-8"))


@command("chansync erp contract own-test", "chansync erp contract own-test --yes --json")
@click.argument("erp")
@click.option("--pos", metavar="CODE", default="", help="The POS that sells; otherwise the ERP's first.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def contract(session: Session, erp: str, pos: str, yes: bool, as_json: bool) -> int:
    """Check that a connected ERP does all that chansync relies on. For an ERP that is there for trying out.

    It records some 60 sales in the ERP, with documents and payments, and leaves them there.
    """
    from chansync.erp.outside import connected

    connected.get(session.db, erp)
    if not is_agreed(f"Record some 60 sales in {erp}, and leave them there?", "Nothing was sent", yes=yes):
        return exit_codes.PROBLEMS
    outcomes = session.run_async(lambda store: _prove(store, erp, pos, None if as_json else _show))
    words = [outcome.word for outcome in outcomes]
    if as_json:
        print_json(
            [
                {"check": each.check.name, "outcome": each.word, "law": each.check.law, "sentence": each.sentence}
                for each in outcomes
            ]
        )
    else:
        passed, broken, skipped = (words.count(word) for word in ("ok", "broken", "skipped"))
        say(f"{passed} of {len(words)} checks passed, {broken} failed, {skipped} were skipped.")
    return exit_codes.PROBLEMS if "broken" in words else exit_codes.OK


async def _prove(store: Store, code: str, pos: str, show: Callable[[Outcome], None] | None) -> list[Outcome]:
    from chansync.erp import registry
    from chansync.erp.contract import CHECKS, Subject, Unprepared, prove
    from chansync.erp.http.client import HttpRemote
    from chansync.erp.http.forged import forgeries
    from chansync.erp.outside import connected
    from chansync.setup import erps

    kind = (await store.run(connected.get, code)).kind
    remote = await erps.connect(store, code)
    found = []
    try:
        able = registry.kind_named(kind).capabilities
        forged = forgeries(remote) if isinstance(remote, HttpRemote) else {}
        async for outcome in prove(await Subject.of(remote, able, pos=pos, forgeries=forged), CHECKS):
            found.append(outcome)
            if show:
                show(outcome)
    except Unprepared as error:
        raise UsageError(str(error)) from None
    finally:
        await remote.aclose()
    return found


_COLOURS = {"ok": "green", "broken": "red", "skipped": "yellow"}


def _show(outcome: Outcome) -> None:
    print_line(f"{paint(f'{outcome.word:<8}', _COLOURS[outcome.word])} {clean(outcome.check.law)}")
    if outcome.sentence:
        print_line(f"         {clean(outcome.sentence)}")
