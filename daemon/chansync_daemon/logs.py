"""The daemon's log: to stderr, as plain lines or as JSON lines. No secret and no customer data."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

from chansync.model.safe_text import escaped, safe_json
from chansync.secrets import redaction

LOG = logging.getLogger("chansync.daemon")


#: Optional fields of a JSON line beside time, level and message; always with these names.
FIELDS = ("channel", "erp", "stream", "run", "job", "user", "state", "code")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line |= {name: value for name in FIELDS if (value := getattr(record, name, None)) not in (None, "")}
        if trace := _trace(record):
            line["traceback"] = trace
        return safe_json(json.dumps(line, ensure_ascii=False))


class _PlainLines(logging.Formatter):
    """One line per record: line breaks in quoted text are escaped, so that they cannot forge a record."""

    def format(self, record: logging.LogRecord) -> str:
        lines = [f"{record.levelname} {escaped(record.getMessage())}"]
        lines += [f"  {escaped(line)}" for line in _trace(record).splitlines()]
        return "\n".join(lines)


def _trace(record: logging.LogRecord) -> str:
    """The traceback of the record's exception, or of the error of a run."""
    return record.exc_text or redaction.scrub(getattr(record, "traceback", ""))


class _Journal(logging.Formatter):
    """Lines of another formatter, each with the priority prefix for the journal (sd-daemon(3))."""

    def __init__(self, lines: logging.Formatter) -> None:
        super().__init__()
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        priority = next(number for level, number in _PRIORITIES if record.levelno >= level)
        return "\n".join(f"<{priority}>{line}" for line in self._lines.format(record).split("\n"))


_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))


def set_up(*, as_json: bool) -> None:
    """Send the log to stderr. Under systemd plain lines carry no time: the journal adds it."""
    if as_json and isinstance(sys.stderr, io.TextIOWrapper):
        # JSON is UTF-8 in every locale; bytes that are not text become JSON escapes.
        sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")
    lines: logging.Formatter = _JsonLines() if as_json else _PlainLines()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Journal(lines) if _is_journal() else lines)
    redaction.guard_log()
    logging.captureWarnings(True)
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # At INFO httpx prints whole addresses, and with them keys in the query string.
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def turn_detail() -> None:
    """Switch between the detailed log (every run and step of chansync) and the normal one. Libraries do not change."""
    ours = logging.getLogger("chansync")
    if ours.level == logging.DEBUG:
        LOG.info("the log is brief again")
        ours.setLevel(logging.NOTSET)
    else:
        ours.setLevel(logging.DEBUG)
        LOG.info("the log is detailed from now on")


def _is_journal() -> bool:
    """Whether stderr is still connected to systemd's journal."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"
