"""Login with Amazon: a refresh token and the application's secret give an access token that lasts an hour."""

from __future__ import annotations

import hashlib
import hmac
from itertools import count
from urllib.parse import parse_qsl

from chansync.demo.amazon.errors import denied
from chansync.demo.clock import Clock


class LoginError(Exception):
    """A refusal of the token endpoint, `{error, error_description}`."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "error_description": description}


class Login:
    """The credentials of one seller's application, and the tokens that were given out."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.client_id = f"amzn1.application-oa2-client.{_digest('client', seed)[:32]}"
        self.client_secret = f"amzn1.oa2-cs.v1.{_digest('secret', seed)}"
        self.refresh_token = f"Atzr|{_digest('refresh', seed)}"
        self.lifetime = 3600
        self._seed, self._clock = seed, clock
        self._numbers = count(1)
        self._tokens: dict[str, float] = {}

    def grant(self, content_type: str, body: bytes) -> dict[str, object]:
        """Answer a request for an access token; LoginError for what is wrong with it."""
        if content_type.partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
            raise LoginError(400, "invalid_request", "The request must be a form.")
        form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        kind = form.get("grant_type")
        if not kind:
            raise LoginError(400, "invalid_request", "The request is missing a required parameter : grant_type")
        if kind != "refresh_token":
            raise LoginError(400, "unsupported_grant_type", "The authorization grant type is not supported")
        self._check_client(form.get("client_id", ""), form.get("client_secret", ""))
        if not form.get("refresh_token"):
            raise LoginError(400, "invalid_request", "The request is missing a required parameter : refresh_token")
        if not hmac.compare_digest(form["refresh_token"].encode(), self.refresh_token.encode()):
            raise LoginError(400, "invalid_grant", "The request has an invalid grant parameter : refresh_token")
        token = f"Atza|{_digest(f'access {next(self._numbers)}', self._seed)}"
        self._tokens[token] = self._clock.moment() + self.lifetime
        return {
            "access_token": token,
            "refresh_token": self.refresh_token,
            "token_type": "bearer",
            "expires_in": self.lifetime,
        }

    def _check_client(self, client_id: str, secret: str) -> None:
        if not client_id or not secret:
            name = "client_secret" if client_id else "client_id"
            raise LoginError(400, "invalid_request", f"The request is missing a required parameter : {name}")
        known = hmac.compare_digest(client_id.encode(), self.client_id.encode())
        if not known or not hmac.compare_digest(secret.encode(), self.client_secret.encode()):
            raise LoginError(401, "invalid_client", "Client authentication failed")

    def check(self, token: str) -> None:
        """ApiError unless the access token is good now."""
        if not token:
            raise denied("Access token is missing in the request header.")
        until = self._tokens.get(token)
        if until is None:
            raise denied("The access token you provided is revoked, malformed or invalid.")
        if until <= self._clock.moment():
            raise denied("The access token you provided has expired.")

    def expire_all(self) -> None:
        """Every token that was given out is expired at once."""
        self._tokens = dict.fromkeys(self._tokens, 0.0)

    def renew_secret(self, secret: str) -> None:
        """The application's secret was rotated: the old one is refused from now on."""
        self.client_secret = secret

    def withdraw(self) -> None:
        """The seller took the authorisation away: neither refresh token nor access tokens are good any longer."""
        self.refresh_token = f"Atzr|{_digest('withdrawn', self._seed)}"
        self._tokens.clear()


def _digest(purpose: str, seed: int) -> str:
    return hashlib.sha256(f"{purpose} {seed}".encode()).hexdigest()
