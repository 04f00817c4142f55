"""Tryton 8.x as an ERP, over its JSON-RPC."""

from __future__ import annotations

from chansync.erp.remote import ErpCapability, ErpSettings, Remote
from chansync.erp.tryton.parameters import NOT_POSSIBLE, PARAMETERS, options_of


class TrytonKind:
    """The kind of ERP, as the registry finds it."""

    kind = "tryton"
    label = "Tryton"
    parameters = PARAMETERS
    capabilities = frozenset(
        {
            ErpCapability.BLOCK, ErpCapability.DOCUMENTS, ErpCapability.LINE_REFUNDS, ErpCapability.EDIT,
            ErpCapability.STOCK, ErpCapability.MERCHANTS,
        }
    )  # fmt: skip
    not_possible = NOT_POSSIBLE
    embedded = None

    def connect(self, settings: ErpSettings) -> Remote:
        """A connection with those settings; nothing is sent yet."""
        # Imported here: whoever only lists the kinds of ERP does without.
        from chansync.erp.tryton.remote import TrytonRemote
        from chansync.erp.tryton.rpc import TrytonRpc

        values = settings.values
        rpc = TrytonRpc(
            str(values.get("url") or ""), str(values.get("database") or ""), str(values.get("user") or ""),
            str(values.get("password") or ""),
        )  # fmt: skip
        return TrytonRemote(rpc, options_of(values))


TRYTON = TrytonKind()
