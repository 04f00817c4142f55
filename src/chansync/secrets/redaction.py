"""Masking secrets in everything that is written: logs, messages, tracebacks, error files.

In two ways. Secrets that this process has decrypted or was given are masked wherever they appear completely, also
encoded as URL, JSON, HTML or base64. And texts that look like a credential (a key in a query string, an Authorization
header, a password in a URL, the keys of WooCommerce and Amazon) are masked even if they are unknown.

Mask a text before shortening it: a shortened secret is only found if it looks like a credential.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    import re

MASK = "•••"

#: Shorter secrets are not masked, because that would make texts unreadable.
SHORTEST = 4

# A part of an address with at least so many characters and a digit is a token.
_TOKEN = 12

# Secrets by their first characters: a text that contains none of these need not be searched for the secrets.
_known: dict[str, set[str]] = {}
# The secrets that were added together already; and by name those that are replaced by the next ones of that name.
_given: set[tuple[str, ...]] = set()
_passing: dict[str, tuple[str, ...]] = {}


def remember(secrets: Iterable[str], *, instead_of: str = "") -> None:
    """Mask these secrets from now on, in every text of this process and in its log.

    Two that are added together are also masked when joined, as ``name:password`` of Basic authentication.

    Args:
        instead_of: a name for secrets that are replaced regularly: they replace those added before under this name.
    """
    given = tuple(secret for secret in secrets if len(secret) >= SHORTEST)
    if given in _given:
        return
    before = _passing.get(instead_of)
    if before:
        _given.discard(before)
        for form in _forms(before):
            _known.get(form[:SHORTEST], set()).discard(form)
    if instead_of:
        _passing[instead_of] = given
    _given.add(given)
    for form in _forms(given):
        if len(form) >= SHORTEST:
            _known.setdefault(form[:SHORTEST], set()).add(form)
    guard_log()


def _forms(given: tuple[str, ...]) -> set[str]:
    """The secrets as they appear in texts: plain, in URLs, JSON, HTML, ``repr``, base64 and Basic authentication."""
    import base64
    import html
    import json
    import re
    from urllib.parse import quote, quote_plus

    forms: set[str] = set()
    for secret in (*given, *_parts(given)):
        in_json = json.dumps(secret)[1:-1]
        forms |= {
            secret,
            in_json,
            in_json.replace("/", "\\/"),
            repr(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
        }
        for quoted in (quote(secret, safe=""), quote_plus(secret), quote(secret)):
            # ``%2F`` and ``%2f`` are both in use.
            forms |= {quoted, re.sub("%..", lambda escape: escape[0].lower(), quoted)}
        forms |= {
            html.escape(secret),
            html.escape(secret, quote=False),
            html.escape(secret).replace("&#x27;", "&#039;"),
        }
    for text in (*given, *(f"{one}:{other}" for one in given for other in given)):
        encoded = base64.b64encode(text.encode()).decode().rstrip("=")
        forms |= {encoded, encoded.replace("+", "-").replace("/", "_")}
    return forms


def _parts(given: tuple[str, ...]) -> Iterator[str]:
    """The tokens in secrets that are addresses, because errors quote parts of an address; not hosts and plain words."""
    import re

    for secret in given:
        if "://" in secret:
            parts = re.split(r"[/@:?&=,]+", secret)
            yield from (part for part in parts if len(part) >= _TOKEN and any(map(str.isdigit, part)))


def scrub(text: str) -> str:
    """The text with every secret masked."""
    return _mask_shapes(_mask_known(text))


def scrub_json(data: Any, *, sort_keys: bool = False) -> str:
    """The data as JSON with every secret masked; the keys of objects are not masked."""
    import json

    text = json.dumps(data, ensure_ascii=False, default=str, sort_keys=sort_keys)
    if any(start in text for start in _known):
        text = json.dumps(_mask_values(data), ensure_ascii=False, sort_keys=sort_keys)
    return _mask_shapes(text)


def _mask_values(data: Any) -> Any:
    if isinstance(data, dict):
        return {str(name): _mask_values(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_mask_values(value) for value in data]
    return data if data is None or isinstance(data, int | float) else _mask_known(str(data))


def _mask_known(text: str) -> str:
    for start, forms in list(_known.items()):
        if start in text:
            # The longest first, because one secret may begin with another.
            for form in sorted(forms, key=len, reverse=True):
                text = text.replace(form, MASK)
    return text


def _mask_shapes(text: str) -> str:
    for pattern, replacement in _patterns():
        text = pattern.sub(replacement, text)
    return text


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    # Compiled on first use: most commands never need them.
    import re

    names = (
        r"consumer_key|consumer_secret|client_id|client_secret|refresh_token|access_token|oauth_token|oauth_signature"
        r"|oauth_consumer_key|api_?key|password|passwd|secret|token"
    )
    # Not what a user is told to type (=-, =@FILE), and not what is masked already.
    value = r"(?![-@•])[^\s&\"'<>\\,;)}\]]{4,}"
    return (
        # Headers, as text or as the pairs of bytes that httpcore logs.
        (
            re.compile(
                r"(?i)((?:authorization|x-amz-access-token|cookie)(?:['\"]\s*[,:]\s*b?['\"]|\s*[:=]\s*))"
                r"(?:(?:basic|bearer|oauth)\s+)?[^\s'\",;]+"
            ),
            rf"\1{MASK}",
        ),
        (re.compile(rf"(?i)\b((?:{names})(?:=|%3D|\"\s*:\s*\"|'\s*:\s*'))({value})"), rf"\1{MASK}"),
        (re.compile(r"(://[^/\s:@'\"]+:)[^/\s@'\"]+(?=@)"), rf"\1{MASK}"),
        # Keys of WooCommerce, and Amazon's tokens and client secrets, by their form, also if a site has shortened them.
        (re.compile(r"\bc[ks]_[0-9a-f]{12,}"), MASK),
        (re.compile(r"\bAtz[a-z]\|[\w\-+/=|.]{8,}"), MASK),
        (re.compile(r"\bamzn1\.oa2-cs\.v1\.[0-9a-f]{16,}"), MASK),
    )


def guard_log() -> None:
    """Mask secrets in every log record of this process when it is created, of any library and level."""
    import logging

    make = logging.getLogRecordFactory()
    if getattr(make, "scrubs", False):
        return

    def factory(*args: Any, **options: Any) -> logging.LogRecord:
        record = make(*args, **options)
        _scrub_record(record)
        return record

    factory.scrubs = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(factory)


def _scrub_record(record: logging.LogRecord) -> None:
    try:
        text = record.getMessage()
    except (TypeError, ValueError, KeyError):
        # The caller's arguments do not fit its text: logging would print both.
        text = record.msg = f"{record.msg} (its arguments do not fit)"
        record.args = None
    clean = scrub(text)
    # A clean record stays unchanged: some formatters read its arguments.
    if clean != text:
        record.msg, record.args = clean, None
    if record.exc_info and record.exc_info[0] is not None:
        import traceback

        record.exc_text = scrub("".join(traceback.format_exception(*record.exc_info))).rstrip()
        record.exc_info = None
