"""The daemon's log: to stderr, as plain lines or as JSON lines. No secret and no customer data."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from chansync import redaction

LOG = logging.getLogger("chansync.daemon")


#: What a JSON line has beside its time, level and message, where the line is about one: always under these names.
FIELDS = ("channel", "stream", "run", "state", "code")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        line |= {name: value for name in FIELDS if (value := getattr(record, name, None)) not in (None, "")}
        if record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps(line, ensure_ascii=False)


def set_up(*, as_json: bool) -> None:
    """Send the log to stderr. Under systemd plain lines carry no time: the journal adds it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines() if as_json else logging.Formatter("%(levelname)s %(message)s"))
    redaction.guard_log()
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    # At INFO httpx prints whole addresses, and with them keys in the query string.
    for noisy in ("httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
