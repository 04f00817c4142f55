"""What a system of Amazon marketplaces is configured by."""

from __future__ import annotations

from dataclasses import dataclass

from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Choice, Day, Secret, Text
from chansync.platforms.amazon.places import REGIONS, is_loopback

#: Amazon ends a client secret after that many days.
SECRET_DAYS = 180

#: What Amazon lets a seller say of an order, by the channel's parameter.
FIXED_VALUES = {
    "status_written_out": "SHIPPED",
    "status_written_out_and_paid": "SHIPPED",
    "status_cancelled": "CANCELLED",
}

#: What is sent under the seller's id, by the channel's parameter.
SYSTEM_NEEDS = {"push_quantities": "seller_id", "status_cancelled": "seller_id"}


@dataclass(frozen=True, slots=True)
class Region(Choice):
    """One of Amazon's regions, or the address of a server on this machine that stands for one."""

    words: tuple[str, ...] = tuple(REGIONS)

    def convert(self, text: str) -> str:
        if is_loopback(text.rstrip("/")):
            return text.rstrip("/")
        if text.lower() not in self.words:
            raise UsageError(f"is one of {', '.join(self.words)}, not {text!r:.60}")
        return text.lower()


SYSTEM_PARAMETERS = (
    Parameter("region", "Region", "Where the seller's marketplaces are: eu, na (America) or fe (Far East). A seller "
              "of two regions has two systems. (For a demo: http://127.0.0.1:PORT.)", 0, Region(), needed=True,
              destination=True),
    Parameter("seller_id", "Seller id", "The seller's id (merchant token), from Seller Central under Account info. "
              "Quantities and cancellations are sent under it.", 0, Text(longest=40), names_account=True),
    Parameter("client_id", "Client id", "The client id of your application's login credentials (LWA), "
              "amzn1.application-oa2-client.…", 0, Text(), needed=True),
    Parameter("client_secret", "Client secret", "The client secret beside it. Amazon ends it after 180 days: you are "
              "warned in time.", 0, Secret(), needed=True, ends_after=SECRET_DAYS, made_on="client_secret_made"),
    Parameter("client_secret_made", "Client secret made", "The day on which the client secret was made. Empty: the day "
              "on which it is entered here.", 0, Day()),
    Parameter("refresh_token", "Refresh token", "What the seller's authorisation of your application gave, Atzr|…",
              0, Secret(), needed=True),
)  # fmt: skip
