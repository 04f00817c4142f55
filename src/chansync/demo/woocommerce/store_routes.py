"""The routes by which a store tells about itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from chansync.demo.woocommerce import reference
from chansync.demo.woocommerce.call import Answer, Call, reply, whole_list
from chansync.demo.woocommerce.errors import RestError

NAMESPACES = ["oembed/1.0", "wc/v1", "wc/v2", "wc/v3", "wc-analytics", "wc/store/v1", "wp/v2", "wp-site-health/v1"]


def index(call: Call) -> Answer:
    """The index of the REST API: the name and the address of the site."""
    shop = call.shop
    offset = datetime.fromtimestamp(shop.clock.now(), shop.zone).utcoffset() or timedelta()
    hours = offset.total_seconds() / 3600
    return reply(
        call,
        {
            "name": shop.title,
            "description": "",
            "url": shop.site_url,
            "home": shop.site_url,
            "gmt_offset": int(hours) if hours.is_integer() else hours,
            "timezone_string": str(shop.zone),
            "page_for_posts": 0,
            "page_on_front": 0,
            "show_on_front": "posts",
            "namespaces": NAMESPACES,
            "authentication": [],
            "routes": {"/wc/v3": {"namespace": "wc/v3", "methods": ["GET"]}},
            "site_logo": None,
            "site_icon": 0,
            "site_icon_url": "",
        },
    )


def namespace(call: Call) -> Answer:
    """The index of `wc/v3`."""
    return reply(call, {"namespace": "wc/v3", "routes": {"/wc/v3": {"namespace": "wc/v3", "methods": ["GET"]}}})


def _static(call: Call, name: str) -> Any:
    return reference.load(call.shop.site_url)[name]


def payment_gateways(call: Call) -> Answer:
    """GET payment_gateways."""
    return whole_list(call, _static(call, "payment_gateways"))


def shipping_methods(call: Call) -> Answer:
    """GET shipping_methods."""
    return whole_list(call, _static(call, "shipping_methods"))


def zones(call: Call) -> Answer:
    """GET shipping/zones."""
    return whole_list(call, _static(call, "zones"))


def zone(call: Call) -> Answer:
    """GET shipping/zones/<id>."""
    return reply(call, _zone(call))


def zone_methods(call: Call) -> Answer:
    """GET shipping/zones/<id>/methods."""
    return whole_list(call, _static(call, "zone_methods")[str(_zone(call)["id"])])


def _zone(call: Call) -> dict[str, Any]:
    for found in _static(call, "zones"):
        if found["id"] == call.numbers[0]:
            known: dict[str, Any] = found
            return known
    raise RestError(404, "woocommerce_rest_shipping_zone_invalid", "Resource does not exist.")


def taxes(call: Call) -> Answer:
    """GET taxes."""
    return whole_list(call, call.shop.taxes)


def tax_classes(call: Call) -> Answer:
    """GET taxes/classes."""
    return whole_list(call, _static(call, "tax_classes"))


def currency(call: Call) -> Answer:
    """GET data/currencies/current."""
    return reply(call, reference.currency(call.shop.currency))


def setting_currency(call: Call) -> Answer:
    """GET settings/general/woocommerce_currency."""
    setting = _static(call, "settings")["general/woocommerce_currency"]
    return reply(call, {**setting, "value": call.shop.currency})


def setting_prices_include_tax(call: Call) -> Answer:
    """GET settings/tax/woocommerce_prices_include_tax."""
    return reply(call, _static(call, "settings")["tax/woocommerce_prices_include_tax"])


def system_status(call: Call) -> Answer:
    """GET system_status: the parts that are worth asking for."""
    shop = call.shop
    return reply(
        call,
        {
            "environment": {
                "home_url": shop.site_url,
                "site_url": shop.site_url,
                "version": reference.VERSION,
                "wp_version": reference.WORDPRESS,
                "wp_multisite": False,
                "php_version": "8.3.14",
                "default_timezone": "UTC",
            },
            "settings": {
                "api_enabled": False,
                "force_ssl": False,
                "currency": shop.currency,
                "currency_symbol": reference.currency(shop.currency)["symbol"],
                "currency_position": "left",
                "thousand_separator": ",",
                "decimal_separator": ".",
                "number_of_decimals": 2,
            },
        },
    )
