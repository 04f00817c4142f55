"""The schema version of this program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chansync.model.errors import StoreError

if TYPE_CHECKING:
    import apsw

#: ``PRAGMA application_id`` of a chansync database: "CHSY".
APPLICATION_ID = 0x43485359

#: ``PRAGMA user_version``: the number of the last migration.
SCHEMA_VERSION = 24

#: The oldest schema that there are migrations from; earlier ones were never released.
FIRST_SCHEMA = 7


class SchemaChanged(StoreError):
    """Another chansync upgraded the database while this program had it open."""

    code = "schema_changed"


def check_schema(db: apsw.Connection) -> None:
    """Make sure that the open database still has the schema of this program.

    Raises:
        SchemaChanged: it has another one.
    """
    # As a prepared statement: it is asked in every transaction.
    version: int = db.execute("PRAGMA user_version").get
    if version != SCHEMA_VERSION:
        raise SchemaChanged(
            f"Restart this program: another chansync changed the database to schema {version}, and this one supports "
            f"schema {SCHEMA_VERSION}. If this is the older one, upgrade it first"
        )
