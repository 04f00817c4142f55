"""What the shell offers after Tab: the channels and systems of the database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

Complete = Callable[[click.Context, click.Parameter, str], list[str]]


def _from_database(query: str) -> Complete:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        import apsw

        from chansync.cli.ownership import become_owner
        from chansync.cli.quick import database_name
        from chansync.db.opening import limit, open_file
        from chansync.model.errors import ChansyncError

        given = context.find_root().params.get("db")
        try:
            name = database_name(given)
            become_owner(name)
            # Only a look: a database that is missing, old or locked offers nothing, and is not made.
            db = open_file(name)
            limit(db, 2.0)
            codes: list[Any] = [code for (code,) in db.execute(query)]
            db.close()
        except (apsw.Error, OSError, ChansyncError):
            return []
        return [str(code) for code in codes if str(code).startswith(incomplete)]

    return complete


channels = _from_database("SELECT code FROM channel ORDER BY code")
systems = _from_database("SELECT code FROM integration_system ORDER BY code")
