"""What a failed call says: which class of error it is, and which of Tryton's sentences ask for what.

Tryton tells the kind of a refusal by its words alone. We log in with English as the language, so they are English.
"""

from __future__ import annotations

from typing import Any

from chansync.erp.remote import ErpError, ErpRefused, ErpRights, ErpUnavailable
from chansync.http.body import plain
from chansync.model.errors import SiteError, SiteUnavailable

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


def of_site(error: SiteError) -> ErpError:
    """The error of a request that got no answer of Tryton's own."""
    if isinstance(error, SiteUnavailable):
        return ErpUnavailable(str(error), retry_after=error.retry_after)
    # What was asked may have been done where it is the answer that is too large.
    return ErpUnavailable(str(error)) if error.code == "too_large" else ErpRefused(str(error))


def of_status(status: int, site: str, database: str, method: str) -> ErpError:
    """The error of an HTTP status that is not 200 and says that the request was refused."""
    if status == 401:
        return NotLoggedIn("The session in Tryton is over.")
    if status == 403:
        return ErpRefused(
            f"{site} has no method {method} that may be called: a module is missing, or its version is not 8.x. "
            "See: chansync erp test"
        )
    if status == 404:
        return ErpRefused(f"{site} has no database {database}: check its name, or that the address is Tryton's.")
    if status == 423:
        return ErpUnavailable(f"{site} is busy ({status}).", code="erp_busy")
    return ErpRefused(f"{site} is no Tryton server: it answers with {status}. Check the address.")


def of_answer(method: str, error: Any) -> ErpError:
    """The error that an answer carries: its kind, or its text, and what belongs to it."""
    parts = error if isinstance(error, list) and error else [str(error)]
    kind = str(parts[0])
    said = parts[1] if len(parts) > 1 else ""
    if kind == "UserWarning" and isinstance(said, list) and len(said) > 1:
        return Warned(str(said[0]), plain(str(said[1]), _LONGEST))
    if kind == "ConcurrencyException":
        return Refusal("Somebody changed the record in Tryton at the same time.", overtaken=True)
    if kind == "UserError":
        text = " ".join(_texts(said)) or "Tryton refuses."
        if any(words in text for words in _NO_RIGHTS):
            return ErpRights(f"The user of chansync lacks rights in Tryton: {plain(text, _LONGEST)}")
        return Refusal(f"Tryton: {plain(text, _LONGEST)}", overtaken=any(words in text for words in _OVERTAKEN))
    if "database is locked" in kind or "could not obtain lock" in kind:
        return ErpUnavailable("Tryton's database is locked by somebody else.", code="erp_busy")
    return ErpError(f"Tryton failed by its own fault in {method}: {plain(kind, _LONGEST)}")


def _texts(said: Any) -> list[str]:
    return [str(text) for text in (said if isinstance(said, list) else [said]) if isinstance(text, str) and text]
