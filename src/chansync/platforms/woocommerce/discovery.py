"""Finding a store's REST API from what people entered as its address."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from chansync.http.client import SiteHttp
from chansync.model.address import Address
from chansync.model.errors import SiteError, SiteRefused, SiteUnavailable
from chansync.platforms.woocommerce.address import PRETTY, ROOTS, Place

_INDEX_FIELDS = "name,description,url,home,gmt_offset,timezone_string,namespaces"
# An answer that is no JSON may only mean that the API is elsewhere.
_NO_JSON = {"html", "truncated", "empty", "not_json", "bad_encoding"}
_ATTEMPTS = 2


@dataclass(slots=True)
class Found:
    """A store's REST API. ``index`` is what it says about itself; empty where it tells only those it knows."""

    place: Place
    index: dict[str, Any]
    notes: list[str] = field(default_factory=list)


# With these failures HTTPS has not answered at all, and plain HTTP may.
_NO_HTTPS = {"connection_refused", "connection_lost", "unreachable", "tls"}


async def find_store(http: SiteHttp, address: Address, is_known: bool = False) -> Found:
    """Look for the API below the address, by the scheme that it states and no other.

    Args:
        is_known: it was found there before: a failure is passing trouble, and nothing else is looked for.

    Raises:
        SiteError: there is none, or it cannot be reached.
    """
    try:
        return await _below(http, address)
    except SiteError as error:
        if address.place.scheme == "https" and not is_known and error.code in _NO_HTTPS:
            await _refuse_plain(http, address)
        raise


async def _refuse_plain(http: SiteHttp, address: Address) -> None:
    """Say what to enter where only plain HTTP answers: no key has gone out, and none goes before that is entered.

    Raises:
        SiteRefused: it does.
    """
    port = 80 if address.place.port == 443 else address.place.port
    plain = replace(address, place=replace(address.place, scheme="http", port=port))
    try:
        answer = await http.request("GET", Place(str(plain), PRETTY).url("", {"_fields": "name"}), attempts=1)
    except SiteError:
        return
    if not answer.moved_to:
        raise SiteRefused(
            f"{http.site} answers by plain HTTP only, not by HTTPS: have HTTPS switched on there. If plain HTTP is "
            f"what you want, enter the address as {plain}.",
            code="plain_http",
        )


async def _below(http: SiteHttp, address: Address) -> Found:
    base, notes = str(address), []
    blocked: Place | None = None
    # Each with a number, the lower the more it tells: a closed door, a page where the API should be, nothing at all.
    failures: list[tuple[int, SiteError]] = []
    for root in ROOTS:
        place = Place(base, root)
        try:
            answer = await http.request("GET", place.url("", {"_fields": _INDEX_FIELDS}), attempts=_ATTEMPTS)
        except SiteUnavailable as error:
            if error.code not in _NO_JSON:
                raise
            failures.append((1, error))
            continue
        if answer.moved_to:
            base = f"{answer.moved_to}{address.path}"
            place = Place(base, root)
            notes = [f"{http.site} sends plain HTTP on to HTTPS, which alone is used from now on."]
        if answer.status < 400 and isinstance(answer.fields.get("namespaces"), list):
            if any(isinstance(space, str) and space.startswith("wc/") for space in answer.data["namespaces"]):
                return Found(place, answer.data, notes)
            raise SiteRefused(
                f"{http.site} is a WordPress site, but WooCommerce's REST API is not there: activate WooCommerce.",
                code="no_woocommerce",
            )
        if answer.status in (401, 403):
            blocked = blocked or (place if answer.is_json else None)
            failures.append((0, http.sentences.refusal(answer)))
            continue
        said = http.sentences.said(answer) if answer.title else ""
        sentence = (
            f"{http.site} has no WordPress REST API, neither under {PRETTY} nor without permalinks{said}: check the "
            "address, and that no plugin turns the REST API off."
        )
        failures.append((2 if said else 3, SiteRefused(sentence, code="no_rest_api")))
    if blocked is not None:
        return Found(blocked, {}, notes)
    raise min(failures, key=lambda failure: failure[0])[1]
