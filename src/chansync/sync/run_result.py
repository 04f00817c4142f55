"""What came of a run, as commands, the daemon and the screens tell it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from chansync.store.runs import RunCounts
from chansync.sync.dry_run import OrderPlan, PushPlan


@dataclass(slots=True)
class RunResult:
    """What came of one stream's run.

    Attributes:
        state: ``done``, ``failed``, ``stopped``, ``busy`` (another run holds the stream, or has taken it over) or
            ``off`` (the channel does not send that).
        error_code: of the failure; empty otherwise.
        retryable: whether time alone may mend it.
        retry_after: seconds that the site asked to wait.
        run_id: of its record; None where it has none.
        trace: the traceback of a fault of the program; for logs, not for people.
    """

    channel_code: str
    stream: str
    state: str
    counts: RunCounts
    sentence: str = ""
    error_code: str = ""
    retryable: bool = False
    retry_after: float | None = None
    plans: list[OrderPlan | PushPlan] = field(default_factory=list)
    run_id: int | None = None
    trace: str = ""

    @property
    def data(self) -> dict[str, Any]:
        """The same for JSON, without the traceback."""
        told = asdict(self)
        del told["trace"]
        return told
