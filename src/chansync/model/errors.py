"""The errors that chansync raises on purpose. Each carries one sentence that says what to do.

``ChansyncError``
 ├ ``UsageError``      what the user typed or wrote is wrong (exit code 2)
 │  └ ``AlreadyExists``     what was to be added or written exists (exit code 5)
 ├ ``DataError``       data of a site cannot be read; concerns one order
 ├ ``StoreError``      the database cannot be used (missing, newer, locked, full)
 └ ``SiteError``       a platform did not do what was asked
    ├ ``SiteUnavailable``   retry soon: network, 429, 5xx, nonsense in the middle of a run
    └ ``SiteRefused``       needs a person: credentials, rights, wrong address
"""

from __future__ import annotations


class ChansyncError(Exception):
    """The base class. ``str()`` gives a sentence for users, without secrets."""

    #: Stable code for scripts and for the message log.
    code = "error"

    def __init__(self, sentence: str, *, code: str | None = None) -> None:
        super().__init__(sentence)
        if code is not None:
            self.code = code


class UsageError(ChansyncError):
    """Wrong input on the command line, in a form or in a file."""

    code = "usage"


class AlreadyExists(UsageError):
    """What was to be added or written is there already. Nothing was changed."""

    code = "exists"


class DataError(ChansyncError):
    """Data from a site that cannot be read."""

    code = "bad_data"


class StoreError(ChansyncError):
    """The database cannot be opened, read or written."""

    code = "database"


class SiteError(ChansyncError):
    """A platform did not do what was asked.

    Attributes:
        undelivered: whether nothing can have been done of it, because the request did not arrive or was turned away
            unread. False where that is not known.
    """

    code = "site_error"
    undelivered = False


class SiteUnavailable(SiteError):
    """A temporary failure: retry soon.

    Attributes:
        retry_after: seconds that the site asked to wait, if any.
    """

    code = "site_unavailable"

    def __init__(self, sentence: str, *, code: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(sentence, code=code)
        self.retry_after = retry_after


class SiteRefused(SiteError):
    """The site refused the request: somebody must change the address, the key or its rights."""

    code = "site_refused"
