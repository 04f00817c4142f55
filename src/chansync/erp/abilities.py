"""What an ERP cannot do, as sentences: for the fields of a channel, and for what people do with a sale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from chansync.erp import registry
from chansync.erp.remote import ErpCapability
from chansync.model.errors import UsageError

#: Parameter of a channel → what its ERP must be able to do for it.
_PARAMETERS = {
    "block_quantities": (ErpCapability.BLOCK, "reserves no goods for a sale"),
    "create_request": (ErpCapability.REQUEST, "takes no requests for goods that are missing"),
    "issue_document": (ErpCapability.DOCUMENTS, "issues financial documents only by its own people"),
    "issue_document_on_payment": (ErpCapability.DOCUMENTS, "issues financial documents only by its own people"),
    "sale_type": (ErpCapability.SALE_TYPES, "knows no types of sale"),
    "merchant": (ErpCapability.MERCHANTS, "knows no user who is answerable for a sale"),
    "push_quantities": (ErpCapability.STOCK, "does not tell its stock"),
}

#: What people do with a sale → what its ERP must be able to do for it.
_ACTIONS = {
    "block": (ErpCapability.BLOCK, "reserves no goods for a sale"),
    "release": (ErpCapability.BLOCK, "reserves no goods for a sale"),
    "request": (ErpCapability.REQUEST, "takes no requests for goods that are missing"),
    "issue": (ErpCapability.DOCUMENTS, "issues financial documents only by its own people"),
}


def impossible_parameters(db: apsw.Connection, code: str) -> dict[str, str]:
    """Parameter of a channel → why the ERP of that code cannot do what it asks for, as a sentence."""
    if code == registry.LEDGER:
        return {}
    try:
        kind = registry.kind_of(db, code)
    except UsageError:
        # That its package is gone is said elsewhere.
        return {}
    found = {
        name: f"{kind.label} {why}." for name, (needed, why) in _PARAMETERS.items() if needed not in kind.capabilities
    }
    return found | dict(kind.not_possible)


def refused_parameters(db: apsw.Connection, values: Mapping[str, Any]) -> dict[str, str]:
    """Those of ``impossible_parameters`` of the ERP that has the channel's POS that the channel asks for."""
    pos = values.get("pos")
    if not pos:
        return {}
    found = impossible_parameters(db, registry.of_pos(db, pos).code)
    return {name: sentence for name, sentence in found.items() if values.get(name)}


def impossible_actions(db: apsw.Connection, code: str) -> dict[str, str]:
    """What people do with a sale → why the ERP of that code cannot do it, as a sentence."""
    if code == registry.LEDGER:
        return {}
    try:
        kind = registry.kind_of(db, code)
    except UsageError:
        return {}
    return {name: f"{kind.label} {why}." for name, (needed, why) in _ACTIONS.items() if needed not in kind.capabilities}
