"""What a WooCommerce store says about itself and does not change: gateways, zones, classes, settings, currencies.

The data in `data/reference.json` was recorded from WooCommerce 11.0.1.
"""

from __future__ import annotations

import html
import json
from functools import cache
from importlib.resources import files
from typing import Any

VERSION = "11.0.1"
WORDPRESS = "7.1"

# The first three are the recorded ones; the others make orders to more countries worth looking at.
_RATES = (
    (1, "DE", "19.0000", "MwSt", "standard"),
    (2, "BG", "20.0000", "DDS", "standard"),
    (3, "DE", "7.0000", "MwSt7", "reduced-rate"),
    (4, "FR", "20.0000", "TVA", "standard"),
    (5, "FR", "5.5000", "TVA5", "reduced-rate"),
    (6, "AT", "20.0000", "USt", "standard"),
    (7, "AT", "10.0000", "USt10", "reduced-rate"),
    (8, "IT", "22.0000", "IVA", "standard"),
    (9, "ES", "21.0000", "IVA", "standard"),
    (10, "PL", "23.0000", "VAT", "standard"),
    (11, "PL", "8.0000", "VAT8", "reduced-rate"),
)
RECORDED_RATES = 3


@cache
def _text() -> str:
    return files(__package__).joinpath("data/reference.json").read_text("utf-8")


def load(site: str) -> dict[str, Any]:
    """The static answers, with the links in them pointing at `site`."""
    loaded: dict[str, Any] = json.loads(_text().replace("{site}", site))
    return loaded


def statuses() -> dict[str, str]:
    """Slug to name of the statuses that every store has."""
    return {entry["slug"]: entry["name"] for entry in load("")["statuses"]}


@cache
def currency(code: str) -> dict[str, str]:
    """Code, name and HTML symbol of a currency, as `data/currencies/current` gives them."""
    label: str = load("")["settings"]["general/woocommerce_currency"]["options"][code]
    name, _, rest = label.partition(" (")
    return {"code": code, "name": name, "symbol": rest.rpartition(") — ")[0]}


@cache
def symbol(code: str) -> str:
    """The symbol as an order carries it, without HTML entities."""
    return html.unescape(currency(code)["symbol"])


def taxes(count: int = len(_RATES)) -> list[dict[str, Any]]:
    """The first `count` tax rates, in the form of the `taxes` route."""
    return [
        {
            "id": rate_id,
            "country": country,
            "state": "",
            "postcode": "",
            "city": "",
            "rate": percent,
            "name": name,
            "priority": 1,
            "compound": False,
            "shipping": True,
            "order": rate_id - 1,
            "class": tax_class,
            "postcodes": [],
            "cities": [],
        }
        for rate_id, country, percent, name, tax_class in _RATES[:count]
    ]
