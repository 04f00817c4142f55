"""What the shell offers after Tab: the channels and systems of the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def _from_database(query: str) -> Complete:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        import apsw

        from chansync.locations import database_path

        given = context.find_root().params.get("db")
        try:
            # Only a look: a database that is missing, old or locked offers nothing, and is not made.
            db = apsw.Connection(str(database_path(given)), flags=apsw.SQLITE_OPEN_READONLY)
            codes: list[Any] = [code for (code,) in db.execute(query)]
            db.close()
        except apsw.Error:
            return []
        return [str(code) for code in codes if str(code).startswith(incomplete)]

    return complete


channels = _from_database("SELECT code FROM channel ORDER BY code")
systems = _from_database("SELECT code FROM integration_system ORDER BY code")
