"""Keeping secrets out of everything that is written down: logs, messages, tracebacks, error files.

Two nets. What this process opened or was given is known to it and masked wherever it stands, also in the forms in
which requests carry it. And what looks like a credential (keys in a query, an Authorization header, a password in an
address) is masked even where nobody remembered it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    import re

MASK = "•••"

#: Anything shorter is no secret, and masking it would make texts unreadable.
SHORTEST = 4

# By their first characters: a text that holds none of these needs no look at the secrets themselves.
_known: dict[str, set[str]] = {}


def remember(secrets: Iterable[str]) -> None:
    """Mask these from now on, in every text of this process and in its log.

    Those given together are also known joined, as ``name:password`` in Basic authentication.
    """
    import base64
    import json
    from urllib.parse import quote, quote_plus

    given = [secret for secret in secrets if len(secret) >= SHORTEST]
    pairs = [f"{one}:{other}" for one in given for other in given]
    for secret in given:
        for form in (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], repr(secret)[1:-1]):
            _keep(form)
    for text in (*given, *pairs):
        _keep(base64.b64encode(text.encode()).decode().rstrip("="))
    guard_log()


def _keep(form: str) -> None:
    if len(form) >= SHORTEST:
        _known.setdefault(form[:SHORTEST], set()).add(form)


def scrub(text: str) -> str:
    """The text with every secret masked."""
    return _mask_shapes(_mask_known(text))


def scrub_json(data: Any, *, sort_keys: bool = False) -> str:
    """The data as JSON with every secret masked; the keys of objects stay, whatever words serve as secrets."""
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
            # The longest first: one secret may begin with another.
            for form in sorted(forms, key=len, reverse=True):
                text = text.replace(form, MASK)
    return text


def _mask_shapes(text: str) -> str:
    for pattern, replacement in _patterns():
        text = pattern.sub(replacement, text)
    return text


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    # Compiled on first use: most commands never write a text that needs it.
    import re

    names = (
        r"consumer_key|consumer_secret|client_id|client_secret|refresh_token|access_token|oauth_token|oauth_signature"
        r"|oauth_consumer_key|api_?key|password|passwd|secret|token"
    )
    # Neither what a person is told to type (=-, =@FILE) nor what is masked already.
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
        # Keys by their shape: WooCommerce's, and Amazon's tokens and client secrets.
        (re.compile(r"\bc[ks]_[0-9a-f]{40}\b"), MASK),
        (re.compile(r"\bAtz[a-z]\|[\w\-+/=|.]{8,}"), MASK),
        (re.compile(r"\bamzn1\.oa2-cs\.v1\.[0-9a-f]{16,}"), MASK),
    )


def guard_log() -> None:
    """Scrub every log record of this process when it is made, whoever logs it at whatever level."""
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
    # What is clean stays as it was made: some formatters look at the arguments.
    if clean != text:
        record.msg, record.args = clean, None
    if record.exc_info and record.exc_info[0] is not None:
        import traceback

        record.exc_text = scrub("".join(traceback.format_exception(*record.exc_info))).rstrip()
        record.exc_info = None
