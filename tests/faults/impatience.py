"""Without the waits that a site in trouble is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from chansync.http import client


@contextmanager
def impatient() -> Iterator[None]:
    """Requests are repeated at once, and a site that asks for a pause ends the run."""
    defaults = client.SiteHttp.__init__.__kwdefaults__
    with patch.dict(defaults, {"backoff": lambda attempt: 0.0}), patch.object(client, "LONGEST_WAIT", 0.05):
        yield
