"""What a failed call says: which class of error it is, and which of Tryton's sentences ask for what.

Tryton tells the kind of a refusal by its words alone. We log in with English as the language, so they are English.
"""

from __future__ import annotations

from typing import Any

from chansync.erp.remote import ErpError, ErpRefused, ErpRights, ErpUnavailable
from chansync.http.body import plain
from chansync.model.errors import SiteError, SiteUnavailable

#: How the names of warnings end that say nothing about a sale of ours: it carries its own taxes on purpose.
OWN_TAXES = ".invoice_taxes"

_LONGEST = 400

_NO_RIGHTS = ("You are not allowed to", "You do not have permission", "Calling button")

#: The groups that the user needs.
GROUPS = ("Sales", "Stock", "Accounting")

#: What is to be done where nothing else is.
RETRY = "Then: chansync erp retry"

# What a call is refused with where somebody was faster: the state has to be read again.
_OVERTAKEN = ("You can not call", "must be unique", "unique on")

_CLOSED_PERIOD = ("create a period", "reopen the period", "reopen period", "closed period", "closed journal-period")
_CLOSED_YEAR = ("create a fiscal year", "reopen the fiscal year")

#: Where the accounts are set that Tryton books sales to.
RECEIVABLE = "Set it for the party, or for all parties: Accounting, Configuration, Configuration."
REVENUE = "Set it in the account category of the product: Products, Categories."

#: Words of a sentence of Tryton → where that is set up there.
_PLACES: tuple[tuple[tuple[str, ...], str], ...] = (
    (("closed journal-period",), "Reopen it: Accounting, Configuration, Journals, Journals - Periods."),
    ((*_CLOSED_PERIOD, *_CLOSED_YEAR), "Years and periods: Accounting, Configuration, Fiscal Years."),
    (("sequence on fiscal year",), "Sequences of invoices: Accounting, Configuration, Fiscal Years."),
    (("receivable account",), RECEIVABLE),
    (("account revenue", "Account Revenue", "account category"), REVENUE),
    (("No rate found for currency",), "Add a rate of that day or an earlier one: Currency, Currencies."),
    (("currency exchange",), "Set them: Accounting, Configuration, Configuration."),
)  # fmt: skip


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
        return any(words in str(self) for words in (*_CLOSED_PERIOD, *_CLOSED_YEAR))


class Warned(ErpRefused):
    """Tryton asks whether the user is sure.

    Attributes:
        name: of the warning, by which it is skipped.
    """

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(f"Tryton asks first: {sentence}")
        self.name = name


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
        texts = said if isinstance(said, list) else [said]
        text = " ".join(each for each in texts if each and isinstance(each, str)) or "Tryton refuses."
        if any(words in text for words in _NO_RIGHTS):
            return ErpRights(_lack(text))
        place = next((where for words, where in _PLACES if any(each in text for each in words)), "")
        sentence = " ".join(filter(None, (f"Tryton: {plain(text, _LONGEST)}", place, place and RETRY)))
        return Refusal(sentence, overtaken=any(words in text for words in _OVERTAKEN))
    if "database is locked" in kind or "could not obtain lock" in kind:
        return ErpUnavailable("Tryton's database is locked by somebody else.", code="erp_busy")
    return ErpError(f"Tryton failed by its own fault in {method}: {plain(kind, _LONGEST)}")


def _lack(text: str) -> str:
    """Tryton names the groups that the user has, behind what it may not do."""
    what, _, has = text.partition("Within groups:")
    lacking = [group for group in GROUPS if group not in map(str.strip, has.split(","))] or list(GROUPS)
    return (
        f"The user of chansync lacks rights in Tryton ({plain(what, 200).rstrip('.')}): see that it is in the groups "
        f"{', '.join(lacking)} there (Administration, Users). {RETRY}"
    )
