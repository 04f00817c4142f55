"""What an ERP cannot do, as sentences: for the fields of a channel, and for what people do with a sale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from chansync.erp import registry
from chansync.erp.outside import connected
from chansync.erp.remote import ErpCapability
from chansync.model.errors import UsageError

#: Why nothing can be asked for that an ERP is not able to do, after its name.
_WHY = {
    ErpCapability.BLOCK: "reserves no goods for a sale",
    ErpCapability.REQUEST: "takes no requests for goods that are missing",
    ErpCapability.DOCUMENTS: "issues financial documents only by its own people",
    ErpCapability.SALE_TYPES: "knows no types of sale",
    ErpCapability.MERCHANTS: "knows no user who is answerable for a sale",
    ErpCapability.STOCK: "does not tell its stock",
    ErpCapability.PACKAGES: "is told of whole sales only: leave the lines away, or write the package out there",
}

#: Parameter of a channel → what its ERP must be able to do for it.
_PARAMETERS = {
    "block_quantities": ErpCapability.BLOCK,
    "create_request": ErpCapability.REQUEST,
    "issue_document": ErpCapability.DOCUMENTS,
    "issue_document_on_payment": ErpCapability.DOCUMENTS,
    "sale_type": ErpCapability.SALE_TYPES,
    "merchant": ErpCapability.MERCHANTS,
    "push_quantities": ErpCapability.STOCK,
}

#: What people do with a sale → what its ERP must be able to do for it.
_ACTIONS = {
    "block": ErpCapability.BLOCK,
    "release": ErpCapability.BLOCK,
    "request": ErpCapability.REQUEST,
    "issue": ErpCapability.DOCUMENTS,
    "pack": ErpCapability.PACKAGES,
}


def capabilities(db: apsw.Connection, code: str) -> frozenset[ErpCapability]:
    """What the ERP of that code can do: what its kind can, less what its last check said that it lacks.

    Raises:
        UsageError: none of that code is connected, or its kind is not installed.
    """
    return registry.kind_of(db, code).capabilities - _lacks(db, code).keys()


def _lacks(db: apsw.Connection, code: str) -> dict[ErpCapability, str]:
    """What the ERP lacks of what its kind can do, and why."""
    told = {} if code == registry.LEDGER else connected.get(db, code).facts.get("lacks")
    known = told if isinstance(told, dict) else {}
    return {each: str(known[each]) for each in ErpCapability if each in known}


def impossible_parameters(db: apsw.Connection, code: str) -> dict[str, str]:
    """Parameter of a channel → why the ERP of that code cannot do what it asks for, as a sentence."""
    return _impossible(db, code, _PARAMETERS, of_kind=True)


def impossible_actions(db: apsw.Connection, code: str) -> dict[str, str]:
    """What people do with a sale → why the ERP of that code cannot do it, as a sentence."""
    return _impossible(db, code, _ACTIONS)


def _impossible(
    db: apsw.Connection, code: str, table: Mapping[str, ErpCapability], *, of_kind: bool = False
) -> dict[str, str]:
    if code == registry.LEDGER:
        return {}
    try:
        kind = registry.kind_of(db, code)
    except UsageError:
        # That its package is gone is said elsewhere.
        return {}
    lacks = _lacks(db, code)
    found = {
        name: lacks.get(needed) or f"{kind.label} {_WHY[needed]}."
        for name, needed in table.items()
        if needed in lacks or needed not in kind.capabilities
    }
    return found | (dict(kind.not_possible) if of_kind else {})


def refused_parameters(db: apsw.Connection, values: Mapping[str, Any]) -> dict[str, str]:
    """Those of ``impossible_parameters`` of the ERP that has the channel's POS that the channel asks for."""
    pos = values.get("pos")
    if not pos:
        return {}
    found = impossible_parameters(db, registry.of_pos(db, pos).code)
    return {name: sentence for name, sentence in found.items() if values.get(name)}
