"""What a store can tell about itself: statuses, payment and delivery methods, currency, tax classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chansync.concurrency import all_or_cancel, task_group
from chansync.model.errors import SiteRefused
from chansync.platforms.json_values import fields, identifier, objects, text, title
from chansync.platforms.protocol import Lookups, LookupValue

if TYPE_CHECKING:
    from chansync.platforms.woocommerce.client import StoreClient

#: The version of the REST API that the connector speaks; a store offers older ones beside it.
SPOKEN = "wc/v3"
# Refusals that concern one list and not the whole connection.
_ONE_LIST = {"missing_right", "no_route", "not_found", "refused", "forbidden"}

# What a new channel is preselected with, as far as the store has it.
_USUAL_LISTS = {
    "order_statuses": ("processing", "completed", "on-hold"),
    "paid_statuses": ("processing", "completed"),
    "refused_statuses": ("cancelled", "refunded", "failed"),
}
_USUAL_CODES = {
    "status_written_out": "completed",
    "status_written_out_and_paid": "completed",
    "status_cancelled": "cancelled",
}


# Cash on delivery: the store sets such an order to processing at once, and the money comes with the parcel.
PAID_STATUSES = {"cod": "completed"}


async def pull_lookups(client: StoreClient) -> Lookups:
    """Every list that the store shows this key.

    Raises:
        SiteError: the store cannot be reached or does not accept the key at all.
    """
    # The first request alone proves the connection; the others then go at once.
    statuses = await order_statuses(client)
    async with task_group() as asked:
        payments = asked.create_task(_rows(client, "payment_gateways"))
        delivery = asked.create_task(_delivery(client))
        currencies = asked.create_task(_currency(client))
        taxes = asked.create_task(_rows(client, "taxes/classes"))
    methods = _values(payments.result(), "id", "title", "method_title")
    spaces = client.facts.get("namespaces")
    return Lookups(
        order_statuses=statuses,
        payment_methods=methods and [replace(each, paid_status=PAID_STATUSES.get(each.code, "")) for each in methods],
        delivery_methods=delivery.result(),
        currencies=currencies.result(),
        tax_classes=_values(taxes.result(), "slug", "name"),
        api_versions=[LookupValue(SPOKEN, SPOKEN)] if isinstance(spaces, list) and SPOKEN in spaces else None,
        usual=usual(statuses),
    )


def usual(statuses: Sequence[LookupValue] | None) -> dict[str, list[str] | str]:
    """What a new channel is preselected with: only what the store has."""
    if statuses is None:
        return {}
    known = {status.code for status in statuses}
    chosen: dict[str, list[str] | str] = {
        name: [code for code in codes if code in known] for name, codes in _USUAL_LISTS.items()
    }
    return chosen | {name: code for name, code in _USUAL_CODES.items() if code in known}


async def order_statuses(client: StoreClient) -> list[LookupValue] | None:
    """From ``orders/statuses``; older stores tell them only in a report."""
    for route in ("orders/statuses", "reports/orders/totals"):
        found = _values(await _rows(client, route), "slug", "name")
        if found:
            return found
    return None


async def _delivery(client: StoreClient) -> list[LookupValue] | None:
    """The methods of every zone, and of zone 0, which is the rest of the world; zones in the store's order."""
    zones = await _rows(client, "shipping/zones")
    if zones is None:
        return None
    names = {identifier(zone.get("id")) or "0": title(zone.get("name")) for zone in zones}
    names.setdefault("0", "Everywhere else")
    answers = await all_or_cancel(_rows(client, f"shipping/zones/{zone}/methods") for zone in names)
    found: dict[str, LookupValue] = {}
    for zone, methods in zip(names.values(), answers, strict=True):
        for method in methods or ():
            value = _method(zone, method)
            found.setdefault(value.code, value)
    return list(found.values())


def _method(zone: str, row: dict[str, Any]) -> LookupValue:
    method = text(row.get("method_id"))
    instance = identifier(row.get("instance_id")) or identifier(row.get("id"))
    name = title(row.get("title")) or title(row.get("method_title")) or method
    return LookupValue(
        f"{method}:{instance}" if instance else method, f"{zone}: {name}" if zone else name, _enabled(row)
    )


async def _currency(client: StoreClient) -> list[LookupValue] | None:
    """The store's own currency."""
    row = fields(await _shown(client, "data/currencies/current"))
    code = text(row.get("code"))
    return [LookupValue(code, title(row.get("name")) or code)] if code else None


async def _shown(client: StoreClient, route: str) -> Any:
    """What the store shows there, or None where this key may not see it or the store has no such thing."""
    try:
        return (await client.ask("GET", route)).data
    except SiteRefused as error:
        if error.code not in _ONE_LIST:
            raise
        return None


async def _rows(client: StoreClient, route: str) -> list[dict[str, Any]] | None:
    """A list of the store, or None where this key may not see it or the store has none."""
    data = await _shown(client, route)
    return objects(data) if isinstance(data, list) else None


def _values(rows: list[dict[str, Any]] | None, code: str, *titles: str) -> list[LookupValue] | None:
    if rows is None:
        return None
    found: dict[str, LookupValue] = {}
    for row in rows:
        word = text(row.get(code)).removeprefix("wc-" if code == "slug" else "")
        name = next((shown for shown in (title(row.get(field)) for field in titles) if shown), word)
        if word:
            found.setdefault(word, LookupValue(word, name, _enabled(row)))
    return list(found.values())


def _enabled(row: dict[str, Any]) -> bool:
    return row.get("enabled", True) not in (False, "", "no", "false", "0")
