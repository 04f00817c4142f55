"""Tryton 8.x as an ERP, over its JSON-RPC."""

from __future__ import annotations

from collections.abc import Mapping

from chansync.erp.http import SafeAddress
from chansync.erp.remote import ErpCapability, ErpSettings, Remote
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Flag, Secret, Text


class TrytonKind:
    """The kind of ERP, as the registry finds it."""

    kind = "tryton"
    label = "Tryton"
    capabilities = frozenset(
        {
            ErpCapability.BLOCK, ErpCapability.DOCUMENTS, ErpCapability.LINE_REFUNDS, ErpCapability.EDIT,
            ErpCapability.STOCK, ErpCapability.MERCHANTS,
        }
    )  # fmt: skip
    embedded = None
    parameters = (
        Parameter(
            "url", "Address", "Where the Tryton server answers: https://tryton.example.com, without the database.", 0,
            SafeAddress(), needed=True, opening=True, destination=True,
        ),
        Parameter(
            "database", "Database", "The name of the database on that server.", 0, Text(), needed=True, opening=True,
        ),
        Parameter(
            "user", "User", "The login of a user of its own, in the groups Sales, Stock and Accounting.", 0, Text(),
            default="chansync", needed=True, opening=True,
        ),
        Parameter("password", "Password", "The password of that user.", 0, Secret(), needed=True, opening=True),
        Parameter(
            "company", "Company", "The company that sells, where the user belongs to several; empty: the user's own.",
            0, Text(),
        ),
        Parameter(
            "rounding_product", "Rounding service", "The code of a service without tax: it evens out cents that Tryton "
            "rounds otherwise than the shop, and stands for what is refunded without goods.", 0, Text(),
            default="ROUNDING",
        ),
        Parameter(
            "negative_stock", "Negative stock",
            "Whether goods are blocked and issued that the warehouse does not have.", 0, Flag(), default=False,
        ),
    )  # fmt: skip
    not_possible: Mapping[str, str] = {
        "create_request": (
            "Tryton makes purchase requests by itself, for products with Supply on Sale or with order points, and lets "
            "nobody else make any."
        ),
        "sale_type": "A sale in Tryton has no type.",
        "document_type": "Tryton numbers all invoices of a company in one series: invoice is the only type.",
    }

    def connect(self, settings: ErpSettings) -> Remote:
        """A connection with those settings; nothing is sent yet."""
        # Imported here: whoever only lists the kinds of ERP does without.
        from chansync.erp.tryton.company import Options
        from chansync.erp.tryton.remote import TrytonRemote
        from chansync.erp.tryton.rpc import TrytonRpc

        told = settings.values
        rpc = TrytonRpc(*(str(told.get(name) or "") for name in ("url", "database", "user", "password")))
        options = Options(
            str(told.get("company") or ""), str(told.get("rounding_product") or "ROUNDING"),
            bool(told.get("negative_stock")),
        )  # fmt: skip
        return TrytonRemote(rpc, options)


TRYTON = TrytonKind()
