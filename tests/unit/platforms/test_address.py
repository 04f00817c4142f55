"""One identity of a place: what is sealed and compared is what is requested, whatever people enter."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chansync.http.client import _same_but_secure
from chansync.model.address import may_go, parse_address, place_of
from chansync.model.errors import SiteRefused, UsageError
from chansync.model.parameter_types import SiteAddress
from chansync.platforms.amazon.places import REGIONS, base_address, is_loopback, token_address
from chansync.platforms.protocol import ConnectorSettings
from chansync.platforms.registry import platform
from chansync.platforms.woocommerce.address import INDEX, PRETTY, QUERY, ROOTS, Place, may_hold, store_address
from chansync.platforms.woocommerce.connector import WooCommerceConnector
from chansync.setup.sealed_places import channel_place, destination_of

# Pieces of which addresses are made, and those that make two programs read one text differently.
WORDS = (
    "https:// http:// HTTP:// :// // / \\ @ ? # : . .. % %2f %00 ; & &amp; = [ ] ::1 [::1] [fe80::1%25eth0] 127.0.0.1 "
    "shop.example SHOP.example evil.example localhost 127.1 0x7f.1 999.1.1.1 :443 :80 :0 :8443 :99999 :٣ user:pass@ "
    "straße.example xn--strae-oqa.example xn--a ß ς İ 。 ａ ｅｘ магазин.бг \u200d \u00ad \u202e é wp-json eu EU"
)
BLANKS = " \t\n\r\0\x7f\x85\xa0\u2028\ud800"
PIECES = st.sampled_from([*WORDS.split(), *BLANKS])
TEXTS = st.lists(PIECES, max_size=9).map("".join) | st.text(max_size=40)


def identity(url: httpx.URL) -> tuple[str, str, int]:
    """Where httpx sends a request for this URL."""
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    return url.scheme, url.raw_host.decode("ascii"), port


@given(TEXTS)
@example("https://evil.example/://shop.example")
@example("https://straße.example")
@example("https://evil.example?://shop.example")
@example("https://evil.example#://shop.example")
@example("https://shop.example@evil.example")
@example("https://evil.example\\@shop.example")
@example("shop.example:443")
@example("[::1]:8443/a")
@example(" shop.example")
@example("shop.example&amp;")
def test_the_place_that_is_sealed_is_the_place_that_is_asked(text: str) -> None:
    values = {"store_domain": text, "consumer_key": "ck", "consumer_secret": "cs"}
    sealed_for = channel_place(values)
    try:
        base = str(WooCommerceConnector(ConnectorSettings("shop", values))._client.address)
    except SiteRefused:
        return
    place = place_of(sealed_for)
    assert place is not None
    assert str(place) == sealed_for, "one spelling for one place"
    for root in ROOTS:
        asked = identity(Place(base, root).url("wc/v3/orders", {"page": "1"}))
        assert asked == (place.scheme, place.host.strip("[]"), place.port)


@given(TEXTS)
def test_the_field_refuses_what_the_connector_refuses(text: str) -> None:
    try:
        kept = SiteAddress().parse(text)
    except UsageError:
        return
    if kept is not None:
        store_address(kept)


@given(TEXTS)
@example("http://127.0.0.1:8080#://eu")
@example("http://127.0.0.1:8080/;://eu")
@example("http://127.0.0.1@evil.example")
@example("http://[::1]:8080")
def test_a_region_is_one_of_amazons_or_a_server_of_this_machine(region: str) -> None:
    assert destination_of(platform("amazon").system_parameters, {"region": region}) == region
    if not is_loopback(region):
        return
    for url in (httpx.URL(base_address(region, False) + "/orders"), httpx.URL(token_address(region))):
        scheme, host, port = identity(url)
        place = place_of(region)
        assert place is not None
        assert (place.scheme, place.host.strip("[]"), place.port) == (scheme, host, port)
        assert host in ("127.0.0.1", "::1", "localhost")


def test_amazons_regions_are_no_servers_of_this_machine() -> None:
    assert not any(is_loopback(region) for region in REGIONS)


@pytest.mark.parametrize(
    ("entered", "address"),
    [
        ("shop.example", "https://shop.example"),
        ("https://Shop.Example/sub/", "https://shop.example/sub"),
        ("http://shop.example:8080", "http://shop.example:8080"),
        ("https://shop.example:443", "https://shop.example"),
        ("http://shop.example:80/a", "http://shop.example/a"),
        ("shop.example/wp-admin/admin.php", "https://shop.example"),
        ("https://shop.example/sub/wp-json/wc/v3", "https://shop.example/sub"),
        ("shop.example/index.php/wp-json", "https://shop.example"),
        ("shop.example/wp-login.php", "https://shop.example"),
        ("магазин.бг", "https://xn--80aairftm.xn--90ae"),
        ("[::1]:8443/a", "https://[::1]:8443/a"),
        ("[0:0::1]:8443", "https://[::1]:8443"),
        ("shop.example/wp-jsonx", "https://shop.example/wp-jsonx"),
    ],
)
def test_addresses(entered: str, address: str) -> None:
    assert str(store_address(entered)) == address


@pytest.mark.parametrize(
    "entered",
    [
        "", "https://", "ftp://shop.example", "http://a:b:c", "shop.example:99999", "[::1", "shop.example:0",
        "https://shop.example/?page=1", "https://shop.example/#top", "https://user:word@shop.example", "shop .example",
        "https://shop.example/://other.example", "https://shop.example\\other", "https:shop.example", "shop.example\n",
    ],
)  # fmt: skip
def test_no_addresses(entered: str) -> None:
    with pytest.raises(SiteRefused, match="The store domain"):
        store_address(entered)


@pytest.mark.parametrize(
    ("before", "after", "allowed"),
    [
        ("shop.example", "https://shop.example:443/sub", True),
        ("http://shop.example", "https://shop.example", True),
        ("http://shop.example:8080", "https://shop.example:8080", True),
        ("http://shop.example", "https://shop.example:8443", False),
        ("http://shop.example:8080", "https://shop.example", False),
        ("https://shop.example", "http://shop.example", False),
        ("https://shop.example", "https://shop.example.", False),
        ("https://shop.example", "https://shop.example:8443", False),
        ("https://strasse.example", "https://straße.example", False),
    ],
)
def test_a_key_goes_where_it_was_entered_for_and_to_its_https(before: str, after: str, allowed: bool) -> None:
    places = (parse_address(before).place, parse_address(after).place)
    assert may_go(str(places[0]), str(places[1])) == allowed


@given(st.sampled_from(["http://shop.example", "http://shop.example:8080", "https://shop.example"]), TEXTS)
@example("http://shop.example", "https://shop.example:8443/orders")
@example("http://shop.example:8080", "https://shop.example/orders")
@example("http://shop.example", "https://shop.example/orders")
@example("http://shop.example:8080", "https://shop.example:8080/orders")
def test_a_redirect_leads_to_the_https_of_the_same_place_or_nowhere(base: str, location: str) -> None:
    followed = _same_but_secure(httpx.URL(f"{base}/orders?x=1"), location)
    if followed is not None:
        asked = place_of(base)
        assert asked is not None
        assert asked.scheme == "http"
        assert identity(followed) == ("https", asked.host, {80: 443}.get(asked.port, asked.port))
        assert followed.raw_path == b"/orders?x=1"


@pytest.mark.parametrize(
    ("root", "url"),
    [
        (PRETTY, "https://shop.example/sub/wp-json/wc/v3/orders?page=2"),
        (QUERY, "https://shop.example/sub/?rest_route=%2Fwc%2Fv3%2Forders&via=wp-json/wc/&page=2"),
        (INDEX, "https://shop.example/sub/index.php/wp-json/wc/v3/orders?rest_route=%2Fwc%2Fv3%2Forders&page=2"),
    ],
)
def test_routes(root: str, url: str) -> None:
    assert str(Place("https://shop.example/sub", root).url("wc/v3/orders", {"page": "2"})) == url


def test_what_is_remembered_of_a_store_leads_keys_nowhere_else() -> None:
    """Whoever may edit can write there what he likes."""
    plain = store_address("http://shop.example/sub")
    assert all(may_hold(plain, base) for base in ("https://shop.example/sub", "http://shop.example/sub"))
    elsewhere = ("https://evil.example/sub", "https://shop.example:8443/sub", "https://shop.example/~evil", "")
    assert not any(may_hold(plain, base) for base in elsewhere)
    assert not may_hold(store_address("shop.example"), "http://shop.example"), "nor to plain HTTP"
