"""What ``chansync health`` prints. It imports nothing that the answer does not need."""

from __future__ import annotations

from chansync.cli.output import print_json, say
from chansync.doctor.health import Health


def show(found: Health, *, as_json: bool) -> int:
    """Print one line, or JSON; the exit code is that of monitoring plug-ins."""
    if as_json:
        print_json(found.data)
    else:
        say(found.line)
    return found.code
