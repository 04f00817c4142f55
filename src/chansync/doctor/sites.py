"""Checks of the channels' sites: whether they can be reached, the rights of the keys, and the clock.

If a daemon runs, it does the checks, with its keys, network and proxies; otherwise this process does.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.doctor.findings import Finding, ok, problem, some, warning
from chansync.http import proxy
from chansync.model.errors import StoreError
from chansync.setup.probe import Look, look
from chansync.store import daemons, jobs

#: How many sites are checked at once, and the time limit for all, in seconds.
AT_ONCE = 100
ALL_SECONDS = 60.0

#: Clock differences, in seconds: above the first it is a warning, above the second sites refuse requests.
CLOCK_SECONDS = 60.0
CLOCK_REFUSED_SECONDS = 300.0

_EVERY = 0.2
#: How long to wait until the daemon starts the job, in seconds.
_TAKEN_UP_WITHIN = 10.0

Progress = Callable[[int, int], None]


async def sites(store: Store, codes: list[str], asked_by: str, progress: Progress) -> list[Finding]:
    """Check the sites of these channels, which are one at least.

    Args:
        asked_by: the user, for the record of the job.
        progress: called with the number of checked sites and of all.
    """
    seen: dict[str, Look | None] = dict.fromkeys(codes)
    slots = asyncio.Semaphore(AT_ONCE)
    done = 0
    unopened = False
    by_daemon = await store.run(daemons.is_running)
    here: list[str] = []

    async def one(code: str) -> None:
        nonlocal done, unopened
        async with slots:
            if by_daemon:
                seen[code] = await _asked(store, code, asked_by)
            if seen[code] is None:
                try:
                    seen[code] = await look(store, code)
                    here.append(code)
                except StoreError as error:
                    if error.code != "secret_unreadable":
                        raise
                    unopened = True
            done += 1
            progress(done, len(codes))

    tasks = [asyncio.create_task(one(code)) for code in codes]
    _, late = await asyncio.wait(tasks, timeout=ALL_SECONDS)
    for task in late:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception):
            raise result
    return [*_findings(seen, unopened, here)]


async def _asked(store: Store, code: str, asked_by: str) -> Look | None:
    """The daemon's results; None if it does not respond."""
    job_id = await store.run(_ask, code, asked_by)
    until = time.monotonic() + _TAKEN_UP_WITHIN
    while True:
        job = await store.run(jobs.job, job_id)
        if job is None or (job.state == "queued" and time.monotonic() > until):
            return None
        if job.state in ("done", "failed"):
            told: dict[str, Any] = job.result or {}
            return Look(
                job.state == "done", str(told.get("sentence", "")), str(told.get("remedy", "")),
                told.get("clock_ahead"), str(told.get("webhooks", "")),
            )  # fmt: skip
        await asyncio.sleep(_EVERY)


def _ask(db: apsw.Connection, code: str, asked_by: str) -> int:
    channel_id = db.execute("SELECT id FROM channel WHERE code = ?", (code,)).get
    return jobs.ask(db, "look", channel_id, {}, asked_by)


def _findings(seen: dict[str, Look | None], unopened: bool, here: list[str]) -> Iterator[Finding]:
    for code, found in seen.items():
        if found is not None:
            sentence = f"{code}: {found.sentence}"
            yield ok("sites", sentence) if found.ok else problem("sites", sentence, found.remedy)
            if found.webhooks:
                yield warning(
                    "webhooks", f"{code}: {found.webhooks}",
                    f"At once: chansync sync {code} --lookups. One that a person has paused: at the site.",
                )  # fmt: skip
    unseen = [code for code, found in seen.items() if found is None]
    if unseen and unopened:
        yield warning(
            "sites", f"{some(unseen)} could not be looked at: you may not read the private key, and no daemon answers.",
            "Start the daemon, or run this as its user.",
        )  # fmt: skip
    elif unseen:
        yield warning(
            "sites", f"{some(unseen)} could not be looked at within {ALL_SECONDS:.0f} s.",
            "Name some: chansync doctor CHANNEL…",
        )  # fmt: skip
    yield from _clock(seen)
    if here:
        proxies = ", ".join(proxy.variables()) or "no proxy"
        yield ok(
            "network", f"No daemon answers: this command looked at {some(here)} itself, with its own environment "
            f"({proxies}), which may be another than the daemon's.",
        )  # fmt: skip


def _clock(seen: dict[str, Look | None]) -> Iterator[Finding]:
    ahead = {code: look.clock_ahead for code, look in seen.items() if look and look.clock_ahead is not None}
    if not ahead:
        return
    # The median of all sites is right. With one site, either clock may be wrong, and only ours can be set here.
    middle = statistics.median(ahead.values())
    if abs(middle) > CLOCK_SECONDS:
        where = "behind" if middle > 0 else "ahead of"
        make = problem if abs(middle) > CLOCK_REFUSED_SECONDS else warning
        yield make(
            "clock", f"This machine's clock is {abs(middle):.0f} s {where} the sites'.",
            "timedatectl set-ntp true (or the machine's own way to keep time).",
        )  # fmt: skip
    else:
        yield ok("clock", f"The clock agrees with {'its site' if len(ahead) == 1 else f'{len(ahead)} sites'}.")
    for code, seconds in ahead.items():
        if abs(seconds - middle) > CLOCK_REFUSED_SECONDS:
            yield warning("clock", f"{code}: the site's clock is off by {seconds - middle:.0f} s.", "Tell its host.")
