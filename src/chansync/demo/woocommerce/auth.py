"""Who may do what: Basic auth over TLS, OAuth 1.0a signatures without it, as WooCommerce checks them.

The rules are those of `WC_REST_Authentication`: over plain http Basic auth and the `consumer_key` parameters are not
even looked at; a signature covers the store's own home URL, not the one that the client typed; arrays are signed
with the indexes that PHP gives them, so `status[]=a` has to be signed as `status[0]=a`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from chansync.demo.woocommerce.errors import RestError
from chansync.demo.woocommerce.params import Params

_WINDOW = 15 * 60
_OAUTH = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")
_DIGESTS = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
_REALM = "WooCommerce API. Use a consumer key in the username field and a consumer secret in the password field."


@dataclass(slots=True)
class Key:
    """An API key of the store."""

    secret: str
    may_write: bool
    nonces: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Caller:
    """What a request says about itself that matters here. `home` is the address that signatures must cover."""

    method: str
    home: str
    path: str
    query: Params
    authorization: str
    secure: bool


def refusal(message: str, code: str = "woocommerce_rest_authentication_error") -> RestError:
    """A 401."""
    return RestError(401, code, message)


def basic_challenge() -> dict[str, str]:
    """The header that goes with a refused Basic auth."""
    return {"www-authenticate": f'Basic realm="{_REALM}"'}


class Keys:
    """The keys of a store."""

    def __init__(self, keys: dict[str, Key]) -> None:
        self._keys = keys

    def check(self, caller: Caller) -> bool:
        """False for an anonymous request; RestError for credentials that are wrong or may not write."""
        key = self._by_basic(caller) if caller.secure else None
        if key is None:
            key = self._by_signature(caller)
        if key is None:
            return False
        if caller.method not in ("GET", "HEAD") and not key.may_write:
            raise refusal("The API key provided does not have write permissions.")
        return True

    def _by_basic(self, caller: Caller) -> Key | None:
        name, secret = caller.query.get("consumer_key", ""), caller.query.get("consumer_secret", "")
        if not (name and secret) and caller.authorization.lower().startswith("basic "):
            try:
                decoded = base64.b64decode(caller.authorization[6:]).decode()
            except ValueError:
                return None
            name, _, secret = decoded.partition(":")
        # An unknown key is passed over here, so that the request is anonymous; only a wrong secret is refused.
        key = self._keys.get(name) if secret else None
        if key is not None and not hmac.compare_digest(key.secret.encode(), secret.encode()):
            raise refusal("Consumer secret is invalid.")
        return key

    def _by_signature(self, caller: Caller) -> Key | None:
        params = {**caller.query, **_header_params(caller.authorization)}
        missing = [name for name in _OAUTH if not params.get(name)]
        if len(missing) == len(_OAUTH):
            return None
        if missing:
            sentence = f"Missing OAuth parameter{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
            raise refusal(sentence, "woocommerce_rest_authentication_missing_parameter")
        key = self._keys.get(params["oauth_consumer_key"])
        if key is None:
            raise refusal("Consumer key is invalid.")
        _check_signature(key, params, caller)
        _check_freshness(key, params["oauth_timestamp"], params["oauth_nonce"])
        return key


def _header_params(header: str) -> dict[str, str]:
    if not header.lower().startswith("oauth "):
        return {}
    found = re.findall(r'([a-z_-]+)="([^"]*)"', header[6:])
    return {name: unquote(value) for name, value in found if name != "realm"}


def _check_signature(key: Key, params: Params, caller: Caller) -> None:
    given = unquote(str(params["oauth_signature"]).replace(" ", "+"))
    digest = _DIGESTS.get(params["oauth_signature_method"])
    if digest is None:
        raise refusal("Invalid signature - signature method is invalid.")
    signed = {name: params[name] for name in sorted(params) if name != "oauth_signature"}
    query = "%26".join(_joined(signed))
    text = f"{caller.method}&{quote(_home_url(caller), safe='')}&{query}"
    made = base64.b64encode(hmac.new(f"{key.secret}&".encode(), text.encode(), digest).digest())
    if not hmac.compare_digest(made, given.encode()):
        raise refusal("Invalid signature - provided signature does not match.")


def _home_url(caller: Caller) -> str:
    """The URL that is signed. For the bare `/?rest_route=…` WooCommerce leaves out the slash after the host."""
    path = caller.path.lstrip("/")
    return f"{caller.home}/{path}" if path else caller.home


def _encoded(value: str) -> str:
    return quote(unquote(value), safe="~").replace("%", "%25")


def _joined(params: Params, above: str = "") -> Iterator[str]:
    for name, value in params.items():
        label = f"{above}%255B{name}%255D" if above else _encoded(name)
        if isinstance(value, dict):
            yield from _joined(value, label)
        else:
            yield f"{label}%3D{_encoded(str(value))}"


def _check_freshness(key: Key, timestamp: Any, nonce: str) -> None:
    now = time.time()
    try:
        moment = int(timestamp)
    except ValueError:
        moment = 0
    if abs(moment - now) > _WINDOW:
        raise refusal("Invalid timestamp.")
    if nonce in key.nonces:
        raise refusal("Invalid nonce - nonce has already been used.")
    key.nonces[nonce] = moment
    if len(key.nonces) % 1000 == 0:
        key.nonces = {old: at for old, at in key.nonces.items() if at >= now - _WINDOW}
