"""What people enter as a store's address."""

from __future__ import annotations

import pytest

from chansync.model.errors import SiteRefused
from chansync.platforms.woocommerce.address import INDEX, PRETTY, QUERY, Place, parse_address


@pytest.mark.parametrize(
    ("entered", "base"),
    [
        ("shop.example", "https://shop.example"),
        (" shop.example/ ", "https://shop.example"),
        ("https://Shop.Example/sub/", "https://shop.example/sub"),
        ("http://shop.example:8080", "http://shop.example:8080"),
        ("shop.example/wp-admin/admin.php", "https://shop.example"),
        ("https://shop.example/sub/wp-json/wc/v3", "https://shop.example/sub"),
        ("shop.example/index.php/wp-json", "https://shop.example"),
        ("shop.example/wp-login.php", "https://shop.example"),
        ("магазин.бг", "https://магазин.бг"),
        ("[::1]:8443/a", "https://[::1]:8443/a"),
        ("shop.example/wp-jsonx", "https://shop.example/wp-jsonx"),
    ],
)
def test_addresses(entered: str, base: str) -> None:
    address = parse_address(entered)
    assert address.base(address.scheme or "https") == base


@pytest.mark.parametrize(
    "entered", ["", "https://", "ftp://shop.example", "http://a:b:c", "shop.example:99999", "[::1"]
)
def test_no_addresses(entered: str) -> None:
    with pytest.raises(SiteRefused, match=r"shop\.example"):
        parse_address(entered)


@pytest.mark.parametrize(
    ("root", "url"),
    [
        (PRETTY, "https://shop.example/sub/wp-json/wc/v3/orders?page=2"),
        (QUERY, "https://shop.example/sub/?rest_route=%2Fwc%2Fv3%2Forders&page=2"),
        (INDEX, "https://shop.example/sub/index.php/wp-json/wc/v3/orders?page=2"),
    ],
)
def test_routes(root: str, url: str) -> None:
    assert str(Place("https://shop.example/sub", root).url("wc/v3/orders", {"page": "2"})) == url


def test_what_is_remembered_of_a_store_leads_keys_nowhere_else() -> None:
    """Whoever may edit can write there what he likes."""
    address = parse_address("shop.example/sub")
    assert all(address.covers(base) for base in ("https://shop.example/sub", "http://shop.example/sub"))
    elsewhere = ("https://evil.example/sub", "https://shop.example:8443/sub", "https://shop.example/~evil", "")
    assert not any(address.covers(base) for base in elsewhere)
    assert not parse_address("https://shop.example").covers("http://shop.example"), "nor to plain HTTP"
