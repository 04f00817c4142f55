"""Applying a set-up: all of its files in one transaction, by the functions that the commands and forms use, or nothing.

A file is the whole truth of each thing that it names: a field that it does not name gets its default, and a mapping
table that it has replaces the channel's. What no file names stays as it is, unless it is to be pruned.
"""

from __future__ import annotations

from contextlib import suppress

from chansync.db import settings
from chansync.db.connection import Store
from chansync.db.folders import is_shared
from chansync.db.transaction import Undo, transaction
from chansync.erp import registry
from chansync.secrets import sealing
from chansync.setup.erps import ERPS
from chansync.setup.setup_file import channel_part, ledger_part, settings_part, typed_part
from chansync.setup.setup_file.document import Document
from chansync.setup.setup_file.plan import Applying, Plan
from chansync.setup.systems import SYSTEMS


def apply(store: Store, document: Document, *, check: bool = False, prune: bool = False) -> Plan:
    """Make the set-up of the database what the files say; what was done.

    Nothing at all is written where it is so already. The secrets are compared as far as this user may open those that
    are stored, and otherwise entered anew.

    Args:
        check: do it, say what was done, and roll it back.
        prune: remove what no file names, of those tables that the files have.

    Raises:
        InvalidFields: everything that is wrong, in the order of the files, each with its line.
    """
    run = Applying(store)
    with suppress(Undo), transaction(store.db):
        if check:
            _borrow_key(store)
        _apply(run, document)
        if prune and not run.errors:
            _prune(run, document)
        if run.errors:
            raise document.wrong(run.errors)
        _note_unread(run)
        if check or not run.plan.is_changed:
            raise Undo
    return run.plan


def _apply(run: Applying, document: Document) -> None:
    ledger_part.apply(run, document.table("ledger"))
    for family in (ERPS, SYSTEMS):
        typed_part.apply(run, family, document.table(family.section))
    channel_part.apply(run, document.table("channels"))
    if "notices" in document.data:
        settings_part.apply_notices(run, document.table("notices"))
    if "retention" in document.data:
        settings_part.apply_retention(run, document.table("retention"))


def _borrow_key(store: Store) -> None:
    """Let a check seal to a key that is gone with it, where there is none yet, so that it makes no files.

    In a shared folder only the daemon's own key is believed.
    """
    if sealing.public_key(store.db) is None and not is_shared(store.path.parent):
        from nacl.public import PrivateKey

        settings.put(store.db, sealing.PUBLIC_KEY, sealing.hex_of(PrivateKey.generate()))


def _prune(run: Applying, document: Document) -> None:
    """What names others goes first."""
    if "channels" in document.data:
        channel_part.prune(run, document.table("channels"))
    for family in (SYSTEMS, ERPS):
        if family.section in document.data:
            typed_part.prune(run, family, document.table(family.section))
    if "notices" in document.data:
        settings_part.prune_services(run, document.table("notices"))
    ledger_part.prune(run, document.table("ledger"))


def _note_unread(run: Applying) -> None:
    unread = registry.unread(run.store.db)
    if unread and run.plan.is_changed:
        run.plan.notes += [
            f"Nothing was read of {code} yet, so what channels name of it is not checked: chansync erp lookups {code}"
            for code in unread
        ]
