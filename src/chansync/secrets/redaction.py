"""Keeping secrets out of everything that is written down: logs, messages, tracebacks, error files.

Two nets. What this process opened or was given is known to it and masked wherever it stands, also in the forms in
which requests carry it. And what looks like a credential (keys in a query, an Authorization header, a password in an
address) is masked even where nobody remembered it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    import re

MASK = "•••"

#: Anything shorter is no secret, and masking it would make texts unreadable.
SHORTEST = 4

#: A piece of a secret that is at least so long is masked, too: sites cut what they quote, and so do we.
PIECE = 12

# Every fourth run of nine characters of a secret: a piece of twelve holds one of them.
_GRAM = 9
_STRIDE = PIECE - _GRAM + 1

# By their first characters: a text that holds none of these needs no look at the secrets themselves.
_known: dict[str, set[str]] = {}
# What was given together already, and what takes the place of what was given before under the same name.
_given: set[tuple[str, ...]] = set()
_passing: dict[str, tuple[str, ...]] = {}
# In small letters, with the texts that pieces are of.
_pieces: dict[str, str] = {}


def remember(secrets: Iterable[str], *, instead_of: str = "") -> None:
    """Mask these from now on, in every text of this process and in its log.

    Those given together are also known joined, as ``name:password`` in Basic authentication.

    Args:
        instead_of: a name for secrets that are replaced again and again: those given before under it are forgotten.
    """
    given = tuple(secret for secret in secrets if len(secret) >= SHORTEST)
    if given in _given:
        return
    before = _passing.get(instead_of)
    if before:
        _forget(before)
    if instead_of:
        _passing[instead_of] = given
    _given.add(given)
    for form in _forms(given):
        if len(form) >= SHORTEST:
            _known.setdefault(form[:SHORTEST], set()).add(form)
    for text in _with_pieces(given):
        _pieces.update(dict.fromkeys(_grams(text), text))
    guard_log()


def _forget(given: tuple[str, ...]) -> None:
    _given.discard(given)
    for form in _forms(given):
        _known.get(form[:SHORTEST], set()).discard(form)
    for text in _with_pieces(given):
        for gram in _grams(text):
            _pieces.pop(gram, None)


def _forms(given: tuple[str, ...]) -> set[str]:
    """The ways in which texts may carry them: in addresses, JSON, HTML, Python's own quotes, Basic authentication."""
    import html
    import json
    from urllib.parse import quote, quote_plus

    forms: set[str] = set()
    for secret in given:
        in_json = json.dumps(secret)[1:-1]
        forms |= {
            secret,
            in_json,
            in_json.replace("/", "\\/"),
            repr(secret)[1:-1],
            json.dumps(secret, ensure_ascii=False)[1:-1],
        }
        for quoted in (quote(secret, safe=""), quote_plus(secret), quote(secret)):
            forms |= {quoted, _small_escapes(quoted)}
        forms |= {
            html.escape(secret),
            html.escape(secret, quote=False),
            html.escape(secret).replace("&#x27;", "&#039;"),
        }
    for text in (*given, *(f"{one}:{other}" for one in given for other in given)):
        encoded = _in_base64(text)
        forms |= {encoded, encoded.replace("+", "-").replace("/", "_")}
    return forms


def _in_base64(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode().rstrip("=")


def _small_escapes(quoted: str) -> str:
    """``%2F`` as ``%2f``: both are in use."""
    parts = quoted.split("%")
    return "%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])


def _with_pieces(given: tuple[str, ...]) -> Iterator[str]:
    """The texts of which a piece gives something away, in small letters; not the words of an address, such as hosts."""
    import re

    for secret in given:
        parts = re.split(r"[/@:?&=,]+", secret) if "://" in secret else [secret]
        yield from (part.lower() for part in parts if len(part) >= PIECE and any(map(str.isdigit, part)))
    if len(given) > 1 and not any("://" in secret for secret in given):
        yield from (_in_base64(":".join(pair)).lower() for pair in pairwise(given))


def _grams(text: str) -> Iterator[str]:
    last = len(text) - _GRAM
    yield from (text[at : at + _GRAM] for at in range(0, last + 1, _STRIDE))


def scrub(text: str) -> str:
    """The text with every secret masked."""
    return _mask_shapes(_mask_known(text))


def scrub_json(data: Any, *, sort_keys: bool = False) -> str:
    """The data as JSON with every secret masked; the keys of objects stay, whatever words serve as secrets."""
    import json

    text = json.dumps(data, ensure_ascii=False, default=str, sort_keys=sort_keys)
    if any(start in text for start in _known) or _found_pieces(text):
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
    for begin, end in reversed(_found_pieces(text)):
        text = f"{text[:begin]}{MASK}{text[end:]}"
    return text


def _found_pieces(text: str) -> list[tuple[int, int]]:
    """Where pieces of secrets stand, in small letters or capitals."""
    if not _pieces:
        return []
    found: list[tuple[int, int]] = []
    for run in _runs().finditer(text):
        small = run[0].lower()
        if len(small) != len(run[0]):
            continue
        past = 0
        # In one go: this is where the time goes.
        for at in [at for at in range(len(small) - _GRAM + 1) if small[at : at + _GRAM] in _pieces]:
            begin, stop = _stretched(small, at, _pieces[small[at : at + _GRAM]]) if at >= past else (0, 0)
            if stop - begin >= PIECE:
                found.append((run.start() + begin, run.start() + stop))
                past = stop
    return found


def _stretched(text: str, at: int, whole: str) -> tuple[int, int]:
    """How far what stands at ``at`` is a piece of the whole secret."""
    there = whole.index(text[at : at + _GRAM])
    begin, stop = at, at + _GRAM
    while begin > 0 and there > 0 and text[begin - 1] == whole[there - 1]:
        begin, there = begin - 1, there - 1
    there += stop - begin
    while stop < len(text) and there < len(whole) and text[stop] == whole[there]:
        stop, there = stop + 1, there + 1
    return begin, stop


@cache
def _runs() -> re.Pattern[str]:
    import re

    # What a secret may be made of, long enough: most of a text needs no look.
    return re.compile(r"[^\s\"'<>,;(){}\[\]]{12,}")


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
