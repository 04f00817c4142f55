"""What was sent and received, for the records of runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Traffic:
    """What a client has sent and received since it was made.

    Attributes:
        clock_ahead: seconds by which the site's clock was ahead of ours at its last answer; None: it does not tell.
    """

    requests: int = 0
    retries: int = 0
    bytes_received: int = 0
    clock_ahead: float | None = None
