"""What a failed call says: which class of error it is, and which of Tryton's sentences ask for what.

Tryton tells the kind of a refusal by its words alone. We log in with English as the language, so they are English.
"""

from __future__ import annotations

from typing import Any

import httpx

from chansync.erp.remote import ErpError, ErpRefused, ErpRights, ErpUnavailable
from chansync.secrets.redaction import scrub

#: Warnings that say nothing about a sale of ours, by how their names end: it carries its own taxes on purpose.
EXPECTED_WARNINGS = ("invoice_taxes",)

_LONGEST = 400

_NO_RIGHTS = ("You are not allowed to", "You do not have permission", "Calling button")

# What a call is refused with where somebody was faster: the state has to be read again.
_OVERTAKEN = ("You can not call", "must be unique", "unique on")

_CLOSED_PERIOD = ("create a period", "period for the date", "no open period", "fiscal year")


class Refusal(ErpRefused):
    """A rule of Tryton or a constraint keeps the whole call from being done.

    Attributes:
        overtaken: somebody else may have done it already: the records say.
    """

    def __init__(self, sentence: str, *, overtaken: bool = False) -> None:
        super().__init__(sentence)
        self.overtaken = overtaken

    @property
    def is_about_periods(self) -> bool:
        """Whether the day of a document lies in no open period."""
        return any(words in str(self) for words in _CLOSED_PERIOD)


class Warned(ErpRefused):
    """Tryton asks whether the user is sure.

    Attributes:
        name: of the warning, by which it is skipped.
    """

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"Tryton asks first: {sentence}")
        self.name = name

    @property
    def is_expected(self) -> bool:
        """Whether it is skipped without asking anybody."""
        return self.name.endswith(EXPECTED_WARNINGS)


class NotLoggedIn(ErpError):
    """The session is over."""


def of_transport(error: httpx.HTTPError, url: str) -> ErpError:
    """The error of a request that brought no answer."""
    if isinstance(error, httpx.TimeoutException):
        return ErpUnavailable(f"Tryton at {url} did not answer in time.", code="erp_timeout")
    reason = _cut(str(error) or type(error).__name__)
    return ErpUnavailable(
        f"Tryton at {url} cannot be reached ({reason}): see that it runs there, and that the address is right."
    )


def of_status(answer: httpx.Response, url: str, database: str, method: str) -> ErpError:
    """The error of an HTTP status that is not 200."""
    status = answer.status_code
    if status == 401:
        return NotLoggedIn("The session in Tryton is over.")
    if status == 403:
        return ErpRefused(
            f"Tryton has no method {method} that may be called: a module is missing, or its version is not 8.x. "
            "See: chansync erp test"
        )
    if status == 404:
        return ErpRefused(f"There is no database {database} on the Tryton server {url}.")
    if 300 <= status < 400:
        told = answer.headers.get("location", "another address")
        return ErpRefused(f"Tryton at {url} redirects to {_cut(told)}: enter that address.")
    if status == 429:
        return ErpUnavailable("Tryton limits how often somebody may log in.", retry_after=10.0)
    if status in (423, 500, 502, 503, 504):
        return ErpUnavailable(f"Tryton at {url} is busy (HTTP {status}).", retry_after=_seconds(answer))
    return ErpRefused(f"What answers at {url} is no Tryton server (HTTP {status}).")


def of_answer(method: str, error: Any) -> ErpError:
    """The error that an answer carries: its kind, or its text, and what belongs to it."""
    parts = error if isinstance(error, list) and error else [str(error)]
    kind = str(parts[0])
    said = parts[1] if len(parts) > 1 else ""
    if kind == "UserWarning" and isinstance(said, list) and len(said) > 1:
        return Warned(str(said[0]), _cut(str(said[1])))
    if kind == "ConcurrencyException":
        return Refusal("Somebody changed the record in Tryton at the same time.", overtaken=True)
    if kind == "UserError":
        text = " ".join(_texts(said)) or "Tryton refuses."
        if any(words in text for words in _NO_RIGHTS):
            return ErpRights(f"The user of chansync lacks rights in Tryton: {_cut(text)}")
        return Refusal(f"Tryton: {_cut(text)}", overtaken=any(words in text for words in _OVERTAKEN))
    if "database is locked" in kind or "could not obtain lock" in kind:
        return ErpUnavailable("Tryton's database is locked by somebody else.", code="erp_busy")
    return ErpError(f"Tryton failed by its own fault in {method}: {_cut(kind)}")


def _texts(said: Any) -> list[str]:
    return [str(text) for text in (said if isinstance(said, list) else [said]) if isinstance(text, str) and text]


def _seconds(answer: httpx.Response) -> float | None:
    told = answer.headers.get("retry-after", "")
    return float(told) if told.isdigit() else None


def _cut(text: str) -> str:
    return scrub(" ".join(text.split()))[:_LONGEST]
