"""What an ERP cannot do, as sentences: for the fields of a channel, and for what people do with a sale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from chansync.erp import registry
from chansync.erp.outside import connected
from chansync.erp.remote import ErpCapability
from chansync.model.errors import UsageError

#: What an ERP may not be able to do, why that is, after its name, and the parameters of a channel and the things that
#: people do with a sale that need it.
_NEEDED = (
    (ErpCapability.BLOCK, "reserves no goods for a sale", ("block_quantities",), ("block", "release")),
    (ErpCapability.REQUEST, "takes no requests for goods that are missing", ("create_request",), ("request",)),
    (ErpCapability.DOCUMENTS, "issues financial documents only by its own people",
     ("issue_document", "issue_document_on_payment"), ("issue",)),
    (ErpCapability.SALE_TYPES, "knows no types of sale", ("sale_type",), ()),
    (ErpCapability.MERCHANTS, "knows no user who is answerable for a sale", ("merchant",), ()),
    (ErpCapability.STOCK, "does not tell its stock", ("push_quantities",), ()),
    (ErpCapability.PACKAGES, "is told of whole sales only: leave the lines away, or write the package out there", (),
     ("pack",)),
)  # fmt: skip


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
    return _impossible(db, code)[0]


def impossible_actions(db: apsw.Connection, code: str) -> dict[str, str]:
    """What people do with a sale → why the ERP of that code cannot do it, as a sentence."""
    return _impossible(db, code)[1]


def _impossible(db: apsw.Connection, code: str) -> tuple[dict[str, str], dict[str, str]]:
    parameters, actions = dict[str, str](), dict[str, str]()
    try:
        kind = registry.kind_of(db, code)
    except UsageError:
        # That its package is gone is said elsewhere.
        return parameters, actions
    lacks = _lacks(db, code)
    for needed, why, for_parameters, for_actions in _NEEDED:
        if needed in lacks or needed not in kind.capabilities:
            sentence = lacks.get(needed) or f"{kind.label} {why}."
            parameters |= dict.fromkeys(for_parameters, sentence)
            actions |= dict.fromkeys(for_actions, sentence)
    return parameters | dict(kind.not_possible), actions


def refused_parameters(db: apsw.Connection, values: Mapping[str, Any]) -> dict[str, str]:
    """Those of ``impossible_parameters`` of the ERP that has the channel's POS that the channel asks for."""
    pos = values.get("pos")
    if not pos:
        return {}
    found = impossible_parameters(db, registry.of_pos(db, pos).code)
    return {name: sentence for name, sentence in found.items() if values.get(name)}
