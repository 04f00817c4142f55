"""What goes over the wire: the body of each request and answer of the HTTP protocol.

``openapi.py`` makes the description of the protocol from these dataclasses.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chansync.erp.remote import ReferenceRow, SaleSteps
from chansync.model import wire
from chansync.model.sale import SaleView
from chansync.model.steps import StepResult

#: The largest whole number that may come: what every language's JSON reads exactly.
LARGEST_NUMBER = 2**53 - 1


@dataclass(frozen=True, slots=True)
class ReferenceAnswer:
    """Some of the reference data.

    Attributes:
        cursor: what the next request asks with: any text that the ERP understands.
        complete: kinds of which every record was told by this answer and those before it of the same read: what is
            known of them and was not told is gone.
        last: whether there is no more.
    """

    rows: tuple[ReferenceRow, ...]
    cursor: str = ""
    complete: frozenset[str] = frozenset()
    last: bool = True


@dataclass(frozen=True, slots=True)
class ItemKey:
    """What an item is looked for by; either may be empty."""

    sku: str = ""
    gtin: str = ""


@dataclass(frozen=True, slots=True)
class ItemsRequest:
    """Items and services to be looked for."""

    items: tuple[ItemKey, ...]


@dataclass(frozen=True, slots=True)
class ItemsAnswer:
    """The items and services that were found; those that were not are left out."""

    rows: tuple[ReferenceRow, ...]


@dataclass(frozen=True, slots=True)
class StepsRequest:
    """Steps with some sales, which are different ones."""

    sales: tuple[SaleSteps, ...]


class SaleErrorCode(StrEnum):
    """Why the work on a sale stopped midway."""

    UNAVAILABLE = "erp_unavailable"
    REFUSED = "erp_refused"
    RIGHTS = "erp_rights"


@dataclass(frozen=True, slots=True)
class SaleError:
    """What stopped the work on one sale.

    Attributes:
        code: ``erp_unavailable``: it is asked again later; ``erp_refused``: a person must change something first;
            ``erp_rights``: we are not allowed to.
        sentence: that, for people, with what to do.
    """

    code: SaleErrorCode
    sentence: str


@dataclass(frozen=True, slots=True)
class SaleResult:
    """What became of the steps of one sale.

    Attributes:
        key: the sale's.
        results: one for each step, in the order of the steps. Where ``error`` is told: of those that are known to be
            done.
        view: the sale as it is now; null where there is none.
        error: what stopped the work midway, so that it is not known what was done; null otherwise.
    """

    key: str
    results: tuple[StepResult, ...]
    view: SaleView | None = None
    error: SaleError | None = None


@dataclass(frozen=True, slots=True)
class StepsAnswer:
    """An answer for each sale."""

    answers: tuple[SaleResult, ...]


@dataclass(frozen=True, slots=True)
class ViewsRequest:
    """The keys of sales."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ViewsAnswer:
    """The sales that there are; others are left out."""

    views: tuple[SaleView, ...]


@dataclass(frozen=True, slots=True)
class ChangesAnswer:
    """Sales that have changed, and items whose stock has.

    Attributes:
        views: each changed sale that carries a key of chansync's, as it is now.
        items: codes of items whose stock may have changed.
        cursor: what the next request asks with: any text that the ERP understands, and never empty.
        last: whether there is no more at the moment.
    """

    views: tuple[SaleView, ...]
    items: frozenset[str]
    cursor: str
    last: bool = True


@dataclass(frozen=True, slots=True)
class StockAnswer:
    """Pieces that are on hand and not reserved, by item code."""

    stock: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The body of every answer that is not 2xx.

    Attributes:
        sentence: what is wrong and what to do, for people.
    """

    sentence: str = ""


def steps_request(sales: Iterable[SaleSteps]) -> dict[str, Any]:
    """The body of a ``StepsRequest``. Beside what a step is made of, it says its key and what it needs."""
    return {
        "sales": [
            {
                "key": sale.key,
                "pos": sale.pos,
                "ref": sale.ref,
                "steps": [
                    wire.step_to_plain(step) | {"key": step.key(sale.key), "needs": sorted(step.needs)}
                    for step in sale.steps
                ],
            }
            for sale in sales
        ]
    }


#: The header of a request that is signed with the token instead of carrying it: who reads it on the way learns nothing
#: to use.
HEADER = "X-Chansync-Signature"

#: How far a signature's time may be from the server's own, in seconds.
MAX_AGE = 300


def signature(token: str, at: int, method: str, target: str, body: bytes) -> str:
    """The header's value.

    Args:
        at: the time of the request, UTC seconds.
        target: the path below the address that is connected, with its query as it is sent: ``/changes?cursor=7``. A
            proxy before the server may have taken away the path of the address itself.
    """
    signed = f"{at}\n{method}\n{target}\n".encode() + body
    return f"{at},{hmac.new(token.encode(), signed, hashlib.sha256).hexdigest()}"
