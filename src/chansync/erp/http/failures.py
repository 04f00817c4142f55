"""What goes wrong with an ERP over HTTP, as errors with sentences that say what to do."""

from __future__ import annotations

from chansync.erp.remote import ErpError, ErpRefused, ErpRights, ErpUnavailable
from chansync.http.failures import Answer, Sentences
from chansync.model.errors import SiteError, SiteUnavailable

_DESCRIPTION = "Its developer compares the answer with the description of the protocol: chansync erp openapi."

#: What the client says of web shops, as it is of an ERP's own server; by code.
_UNREADABLE = {
    "html": "answered with a web page where data was expected: it is in maintenance, a proxy stands before it, or the "
    "address is wrong. It will be tried again.",
    "truncated": "stopped in the middle of its answer: it ended, or the connection was cut. It will be tried again.",
    "empty": "gave an empty answer. It will be tried again; if it stays, see the log of its server.",
    "not_json": "answered with something that is no JSON. It will be tried again; if it stays, see the log of its "
    "server.",
    "bad_encoding": "sent text that is not UTF-8: its server must answer in UTF-8.",
    "packed": "packed its answer in a way that was not asked for: it must send it plain or as gzip.",
    "too_many": "sent data of too many parts to be read: it must answer in pages.",
    "too_deep": "sent data nested too deeply to be read.",
}


class Failures:
    """The failures of one ERP in words.

    Args:
        site: how people know it.
        sentences: quotes it without secrets.
        signs: whether requests are signed.
    """

    def __init__(self, site: str, sentences: Sentences, *, signs: bool) -> None:
        self._site = site
        self._signs = signs
        self._sentences = sentences

    def of(self, error: SiteError, *, changes: bool) -> ErpError:
        """A request that got no answer.

        Args:
            changes: it was one that changes something: it is refused for certain only where it did not arrive.
        """
        sentence = f"{self._site} {_UNREADABLE[error.code]}" if error.code in _UNREADABLE else str(error)
        if isinstance(error, SiteUnavailable):
            return ErpUnavailable(sentence, retry_after=error.retry_after, undelivered=error.undelivered)
        if error.code == "too_large":
            sentence = f"{self._site} sent an answer that is too large: it must answer in pages. {_DESCRIPTION}"
            return ErpUnavailable(sentence) if changes else ErpRefused(sentence)
        return ErpRefused(sentence, undelivered=error.undelivered or error.code == "redirect")

    def refusal(self, request: str, answer: Answer) -> ErpError:
        """An answer that is no 2xx."""
        told = answer.data.get("sentence") if isinstance(answer.data, dict) else None
        said = f" (“{self._sentences.quote(told)}”)" if isinstance(told, str) and told.strip() else ""
        if answer.status == 401:
            if self._signs:
                return ErpRights(
                    f"{self._site} does not accept the signature{said}: enter the right token, see that the clocks of "
                    "both are right, and that its server knows signatures (sign_requests)."
                )
            return ErpRights(f"{self._site} does not accept the token{said}: enter the right one.")
        if answer.status == 403:
            return ErpRights(f"{self._site} forbids {request}{said}: give the token's user the right to it there.")
        if answer.status in (404, 405):
            sentence = f"{self._site} has no {request}{said}: check the address, with its path."
            return ErpRefused(sentence, undelivered=True)
        return ErpRefused(f"{self._site} refuses {request} with {answer.status}{said}.")

    def wrong(self, request: str, what: str, *, changes: bool = False) -> ErpError:
        """An answer that is not what the protocol says.

        Args:
            changes: see ``of``: something may have been done.
        """
        sentence = f"{self._site} answered {request} with what the protocol does not have: {what} {_DESCRIPTION}"
        return ErpUnavailable(sentence) if changes else ErpRefused(sentence)
