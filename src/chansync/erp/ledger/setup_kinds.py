"""The ledger's reference kinds: every field of each, once.

Commands, screens and validation are made from ``KINDS``, as a channel's are from the parameter table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

from chansync.model.errors import UsageError
from chansync.model.money import is_currency
from chansync.model.parameter_types import Choice, Email, Flag, ParameterType, Text, TextList

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
_RATE = re.compile(r"[0-9]{1,3}([.,][0-9]{1,4})?\Z")


@dataclass(frozen=True, slots=True)
class ErpCode(ParameterType):
    """A code for the command line: letters, digits, dots, hyphens and underscores."""

    longest: int = 40

    def convert(self, text: str) -> str:
        if not _CODE.match(text):
            raise UsageError("may hold letters, digits, dots, hyphens and underscores only, such as cash-desk.1")
        return text


class Gtin(ParameterType):
    """A GTIN (EAN, UPC) of 8, 12, 13 or 14 digits with a right check digit; kept without separators."""

    called: ClassVar[str] = "GTIN"

    def convert(self, text: str) -> str:
        from stdnum import ean
        from stdnum.exceptions import ValidationError

        try:
            return str(ean.validate(text))
        except ValidationError:
            raise UsageError(f"is no GTIN: {text!r:.40} needs 8, 12, 13 or 14 digits and a right check digit") from None


class Rate(ParameterType):
    """A tax rate in percent, 0 to 100; kept as decimal text."""

    called: ClassVar[str] = "percent"

    def convert(self, text: str) -> str:
        rate = Decimal(text.rstrip("% ").replace(",", ".")) if _RATE.match(text.rstrip("% ")) else None
        if rate is None or rate > 100:
            raise UsageError(f"is no rate in percent: {text!r:.40}; write 20 or 5.5")
        return f"{rate.normalize():f}"


class Currencies(TextList):
    """ISO 4217 codes, separated by commas."""

    called: ClassVar[str] = "ISO 4217, several"

    def convert(self, text: str) -> list[str]:
        codes = super().convert(text.upper())
        wrong = [code for code in codes if not is_currency(code)]
        if wrong:
            raise UsageError(f"holds {', '.join(wrong):.60}: write currency codes of three letters, such as EUR,BGN")
        return codes


class WholeNumber(ParameterType):
    """A whole number from 1 on."""

    called: ClassVar[str] = "whole number"

    def convert(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) <= 15 and int(text)):
            raise UsageError(f"is a whole number from 1 on, not {text!r:.40}")
        return int(text)


@dataclass(frozen=True, slots=True)
class SetupField:
    """A field of a reference kind.

    Attributes:
        column: its column; the name, where they are the same.
        default: the text of a new one that states none.
        of: the kind whose code it holds; the column then holds that row's id.
        fixed: chosen when the row is added and never changed.
        runs: moved by the ledger itself; a set-up file gives it to a new row only.
    """

    name: str
    help: str
    type: ParameterType
    required: bool = False
    default: str = ""
    column: str = ""
    of: str = ""
    fixed: bool = False
    runs: bool = False


@dataclass(frozen=True, slots=True)
class SetupKind:
    """A kind of reference data.

    Attributes:
        label: one of it, for sentences.
        code: the type of its codes.
        within: the kind that its codes are unique within; empty: they are unique.
        type: what tells goods and services from each other, which are in one table.
    """

    name: str
    label: str
    help: str
    table: str
    fields: tuple[SetupField, ...]
    code: ParameterType = ErpCode()
    within: str = ""
    type: str = ""


#: An item's code, as the channels know it: any printable text.
SKU = Text(longest=100)
_NAME = SetupField("name", "The name for people.", Text(longest=200), required=True)
_POS = SetupField("pos", "The POS that it belongs to.", ErpCode(), required=True, column="pos_id", of="pos", fixed=True)

_TABLE = (
    SetupKind("warehouse", "warehouse", "Where goods are.", "erp_warehouse", (_NAME,)),
    SetupKind("account", "account", "A bank account or cash desk that money goes to.", "erp_account", (
        _NAME,
        SetupField("type", "account or cash desk.", Choice(words=("account", "cash desk")), default="account"),
    )),
    SetupKind("pos", "POS", "A point of sale that channels sell from.", "erp_pos", (
        _NAME,
        SetupField("warehouse", "Where its goods come from.", ErpCode(), required=True, column="warehouse_id",
                   of="warehouse"),
        SetupField("currencies", "The currencies that it sells in.", Currencies(), required=True),
        SetupField("negative_stock", "Whether its stock may go below zero.", Flag(), default="no"),
        SetupField("next_sale_number", "The next number of its own series.", WholeNumber(), default="1",
                   runs=True),
    )),
    SetupKind("payment-method", "payment method", "How a POS is paid.", "erp_payment_method", (
        _NAME, _POS,
        SetupField("account", "The account or cash desk that the money goes to.", ErpCode(), required=True,
                   column="account_id", of="account"),
    ), within="pos"),
    SetupKind("delivery-method", "delivery method", "How a POS delivers.", "erp_delivery_method", (_NAME, _POS),
              within="pos"),
    SetupKind("item", "item", "Goods.", "erp_item", (
        _NAME,
        SetupField("gtin", "Its GTIN (EAN, UPC).", Gtin()),
    ), code=SKU, type="goods"),
    SetupKind("service", "service", "What is sold and has no stock: shipping, fees.", "erp_item", (_NAME,),
              code=SKU, type="service"),
    SetupKind("customer-type", "customer type", "The type given to new customers.", "erp_customer_type", (_NAME,)),
    SetupKind("user", "user", "In whose name sales are made, or who is told of problems.", "erp_user", (
        _NAME,
        SetupField("email", "Where notices go.", Email()),
    )),
    SetupKind("sale-type", "type of sale", "The type given to sales.", "erp_sale_type", (_NAME,)),
    SetupKind("document-type", "document type", "A kind of financial document.", "erp_document_type", (_NAME,)),
    SetupKind("tax-transaction", "tax transaction", "A kind of taxable deal, with its rate.", "erp_tax_transaction", (
        _NAME,
        SetupField("rate", "In percent.", Rate(), default="0"),
    )),
)  # fmt: skip

KINDS: Mapping[str, SetupKind] = {kind.name: kind for kind in _TABLE}


def kind_named(name: str) -> SetupKind:
    """The kind of that name; ``payment_method`` is read as ``payment-method``.

    Raises:
        UsageError: there is none.
    """
    found = KINDS.get(name.replace("_", "-"))
    if found is None:
        from difflib import get_close_matches

        near = get_close_matches(name, KINDS, n=3)
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(KINDS)}."
        raise UsageError(f"There is no kind {name!r:.40} in the ERP. {hint}")
    return found


def stored(value: Any) -> Any:
    """A parsed value as its column holds it."""
    if isinstance(value, bool):
        return int(value)
    return ",".join(value) if isinstance(value, list) else value


def loaded(field: SetupField, value: Any) -> Any:
    """A column's value as its field's type gives it."""
    if isinstance(field.type, Flag):
        return bool(value)
    if isinstance(field.type, TextList):
        return [word for word in value.split(",") if word]
    return value
