"""What is entered to connect a Tryton."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chansync.erp.http import SafeAddress
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Flag, Secret, Text

PARAMETERS = (
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
        "company", "Company", "The company that sells, where the user belongs to several; empty: the user's own.", 0,
        Text(),
    ),
    Parameter(
        "rounding_product", "Rounding service",
        "The code of a service without tax: it evens out cents that Tryton rounds otherwise than the shop, and stands "
        "for what is refunded without goods.", 0, Text(), default="ROUNDING",
    ),
    Parameter(
        "negative_stock", "Negative stock", "Whether goods are blocked and issued that the warehouse does not have.", 0,
        Flag(), default=False,
    ),
)  # fmt: skip

#: Parameter of a channel → why Tryton cannot do what it asks for.
NOT_POSSIBLE: Mapping[str, str] = {
    "create_request": (
        "Tryton makes purchase requests by itself, for products with Supply on Sale or with order points, and lets "
        "nobody else make any."
    ),
    "sale_type": "A sale in Tryton has no type.",
    "document_type": "Tryton numbers all invoices of a company in one series: invoice is the only type.",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What is entered when a Tryton is connected, beside address and password.

    Attributes:
        company: its name; empty: the user's own, or the only one.
        rounding: code of the service that evens out what Tryton rounds otherwise than the shop.
        negative_stock: whether goods are issued that the warehouse does not have.
    """

    company: str = ""
    rounding: str = "ROUNDING"
    negative_stock: bool = False


def options_of(values: Mapping[str, Any]) -> Options:
    """What the connection needs beside address, database and password."""
    return Options(
        company=str(values.get("company") or ""),
        rounding=str(values.get("rounding_product") or "ROUNDING"),
        negative_stock=bool(values.get("negative_stock")),
    )
