"""The errors that chansync raises on purpose: each carries one sentence that a person can act on.

``ChansyncError``
 ├ ``UsageError``      what the user typed or wrote is wrong (exit code 2)
 │  └ ``AlreadyExists``     what was to be added or written exists (exit code 5)
 ├ ``DataError``       what a site sent cannot be read; isolated to its order
 ├ ``StoreError``      the database cannot be used (missing, newer, locked, full)
 └ ``SiteError``       a platform did not do what was asked
    ├ ``SiteUnavailable``   retry soon: network, 429, 5xx, nonsense in the middle of a run
    └ ``SiteRefused``       needs a person: credentials, rights, wrong address
"""

from __future__ import annotations


class ChansyncError(Exception):
    """The root: ``str()`` of it is a sentence for people, without secrets."""

    #: Stable word for scripts and for the message log.
    code = "error"

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        if code is not None:
            self.code = code


class UsageError(ChansyncError):
    """Wrong input of a person: command line, form or file."""

    code = "usage"


class AlreadyExists(UsageError):
    """What was to be added or written is there already. Nothing was changed."""

    code = "exists"


class DataError(ChansyncError):
    """Data from a site that cannot be read as what it should be."""

    code = "bad_data"


class StoreError(ChansyncError):
    """The database cannot be opened, read or written."""

    code = "database"


class SiteError(ChansyncError):
    """A platform did not do what was asked."""

    code = "site_error"


class SiteUnavailable(SiteError):
    """Passing trouble: worth trying again soon.

    Attributes:
        retry_after: seconds that the site asked to wait, if it did.
    """

    code = "site_unavailable"

    def __init__(self, sentence: str, *, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(sentence, code=code)
        self.retry_after = retry_after


class SiteRefused(SiteError):
    """The site answered and refused: a person must change the address, the key or its rights."""

    code = "site_refused"
