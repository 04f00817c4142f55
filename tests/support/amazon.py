"""A client of the fake Amazon that speaks plain HTTP, so that the fake is tested without the connector."""

from __future__ import annotations

from typing import Any

import httpx

from chansync.demo.amazon import AmazonServer

ORDERS = "/orders/2026-01-01/orders"
ALL_DATA = "BUYER,RECIPIENT,PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT"


class AmazonClient(httpx.Client):
    """Logs in once, and sends its token with every request."""

    def __init__(self, server: AmazonServer) -> None:
        super().__init__(base_url=server.url)
        self.server = server

    def __enter__(self) -> AmazonClient:
        super().__enter__()
        self.log_in()
        return self

    def log_in(self) -> None:
        """Get an access token."""
        answer = self.post("/auth/o2/token", data=login_form(self.server))
        self.headers["x-amz-access-token"] = answer.raise_for_status().json()["access_token"]

    def orders(self, **params: Any) -> httpx.Response:
        """A search for orders."""
        return self.get(ORDERS, params=params)

    def every_order(self, **params: Any) -> list[dict[str, Any]]:
        """All pages of a search."""
        found, token = [], {}
        while True:
            page = self.orders(**params, **token).raise_for_status().json()
            found += page["orders"]
            if "pagination" not in page:
                return found
            token = {"paginationToken": page["pagination"]["nextToken"]}


def login_form(server: AmazonServer, **changes: str) -> dict[str, str]:
    """What a login sends."""
    login = server.seller.login
    form = {
        "grant_type": "refresh_token",
        "refresh_token": login.refresh_token,
        "client_id": login.client_id,
        "client_secret": login.client_secret,
    }
    return {**form, **changes}
