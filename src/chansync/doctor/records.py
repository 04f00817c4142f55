"""Checks of the database's contents: damage, the daemon, streams, open problems, secrets, backups."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw

from chansync.db import settings
from chansync.doctor.daemon import OTHER_VERSION, RUNNING, STARTING, diagnose
from chansync.doctor.findings import Finding, ok, problem, warning
from chansync.doctor.health import FAILING_RUNS, LATE_SECONDS
from chansync.explain import erp_status
from chansync.model.times import ago_text, local_text, now_ms
from chansync.secrets import key_file, rotation, sealing
from chansync.secrets.key_file import KeyUnreadable
from chansync.setup.systems import expiring
from chansync.store import daemons, systems
from chansync.store import webhooks as hooks
from chansync.systemd_service import has_backups

#: Time limit of the search for damage, in seconds; ``chansync db check`` has none.
SEARCH_SECONDS = 10.0

#: A problem that is open for longer has probably been forgotten, in milliseconds.
OLD_PROBLEM_MS = 7 * 86_400_000
#: The maximum age of a backup, in milliseconds.
OLD_BACKUP_MS = 2 * 86_400_000

#: How far the clock may be behind the time of the last run, in milliseconds.
CLOCK_MS = 60_000


def soundness(db: apsw.Connection, seconds: float = SEARCH_SECONDS) -> Iterator[Finding]:
    """Search for damage, for at most so many seconds."""
    end = time.monotonic() + seconds
    db.set_progress_handler(lambda: time.monotonic() > end, 10_000)
    try:
        found = [str(row[0]) for row in db.execute("PRAGMA quick_check(5)")]
        found = [] if found == ["ok"] else found
        found += [
            f"{row[0]} points to a row of {row[2]} that is gone" for row in db.execute("PRAGMA foreign_key_check")
        ]
    except apsw.InterruptError:
        yield ok("database", f"No damage was found in {seconds:.0f} s; chansync db check looks through all of it.")
        return
    except (apsw.CorruptError, apsw.NotADBError) as error:
        found = [str(error)]
    finally:
        db.set_progress_handler(None)
    if found:
        yield problem(
            "database", f"The database is damaged: {'; '.join(found[:3])}.",
            "Stop the daemon, keep a copy of the file, and restore the last backup.",
        )  # fmt: skip
    else:
        yield ok("database", "The database is sound.")


def daemon(db: apsw.Connection) -> Iterator[Finding]:
    """The state of the daemon."""
    found = diagnose(db)
    sentence, remedy = f"{found.sentence}.", f"{found.advice}." if found.advice else ""
    if found.kind == RUNNING:
        yield ok("daemon", sentence)
    elif found.kind in (OTHER_VERSION, STARTING):
        yield warning("daemon", sentence, remedy)
    else:
        yield problem("daemon", sentence, remedy)


def webhooks(db: apsw.Connection) -> Iterator[Finding]:
    """Whether the daemon takes the deliveries that channels ask their sites for."""
    wanted, serving = hooks.wanted(db), hooks.taking(db)
    if not wanted:
        return
    if serving is None:
        yield warning(
            "webhooks",
            f"{_some(wanted)} have a webhook_address, and no daemon takes deliveries. Orders come by the pulls.",
            "Start the daemon with --webhooks PORT (of the service: CHANSYNC_WEBHOOKS, see docs/operations.md).",
        )
        return
    total = serving.total
    yield ok(
        "webhooks",
        f"The daemon takes deliveries at {serving.address}: {total.accepted} since its start, {total.refused} refused.",
    )


def _some(codes: list[str]) -> str:
    return ", ".join(codes[:5]) + (f" and {len(codes) - 5} more" if len(codes) > 5 else "")


def clock(db: apsw.Connection) -> Iterator[Finding]:
    """Whether the clock is wrong: the last run is then in the future."""
    # Only the last run counts: earlier runs with a wrong time remain after the clock was corrected.
    latest: int | None = db.execute("SELECT started_at FROM run ORDER BY id DESC LIMIT 1").get
    ahead = (latest or 0) - now_ms()
    if ahead > CLOCK_MS:
        yield problem(
            "clock",
            f"The last run started at {local_text(latest, zone=True)}, which is {ago_text(latest)} in the future.",
            "The clock of this machine was set back, or is wrong: timedatectl",
        )  # fmt: skip


def streams(db: apsw.Connection) -> Iterator[Finding]:
    """Channels that are late or fail repeatedly."""
    used: int = db.execute("SELECT count(*) FROM channel WHERE used = 1").get
    if not used:
        yield ok("channels", "No channel is in use yet.")
        return
    failing: list[Any] = db.execute(
        """SELECT c.code, s.stream, s.failures,
               (SELECT sentence FROM run WHERE channel_id = c.id AND stream = s.stream ORDER BY id DESC LIMIT 1)
           FROM stream s JOIN channel c ON c.id = s.channel_id
           WHERE c.used = 1 AND s.next_run_at IS NOT NULL AND s.failures >= ? ORDER BY s.failures DESC LIMIT 10""",
        (FAILING_RUNS,),
    ).fetchall()
    for code, stream, failures, sentence in failing:
        yield problem("channels", f"{code}: {stream} failed {failures} times in a row.", sentence or "chansync log")
    late: int = db.execute(
        """SELECT count(*) FROM stream s JOIN channel c ON c.id = s.channel_id
           WHERE c.used = 1 AND s.next_run_at < ? AND s.owner IS NULL""",
        (now_ms() - LATE_SECONDS * 1000,),
    ).get
    if late and daemons.is_running(db):
        yield problem(
            "channels", f"{late} streams are late by more than {LATE_SECONDS // 60} minutes.",
            "The daemon cannot keep up: look at its log, and give the channels a longer cadence.",
        )  # fmt: skip
    if not failing:
        yield ok("channels", f"{used} in use, none fails again and again.")


def erps(db: apsw.Connection) -> Iterator[Finding]:
    """Connected ERPs: whether they answer, and what waits for them."""
    found = erp_status.statuses(db)
    for each in found:
        for sentence in each.sentences:
            text, _, remedy = sentence.partition(" See: ")
            yield warning("erp", text, remedy or f"chansync erp test {each.code}")
        if each.problems:
            yield warning(
                "erp", f"{each.name} has refused {each.problems} step{'' if each.problems == 1 else 's'} of sales.",
                "chansync erp steps lists them.",
            )  # fmt: skip
        if not each.sentences:
            yield ok("erp", f"{each.name} ({each.code}): {each.word}, {each.waiting} steps wait.")


def open_problems(db: apsw.Connection) -> Iterator[Finding]:
    """Open problems, and those that are open for long."""
    count, oldest = db.execute("SELECT count(*), min(first_at) FROM message WHERE open = 1").get
    if not count:
        yield ok("problems", "No problem is open.")
        return
    one = count == 1
    sentence = f"{count} problem{'' if one else 's'} {'is' if one else 'are'} open, the oldest for {ago_text(oldest)}."
    if now_ms() - oldest > OLD_PROBLEM_MS:
        yield problem("problems", sentence, "chansync log --open says what to do about each.")
    else:
        yield warning("problems", sentence, "chansync log --open says what to do about each.")


def sealed_secrets(db: apsw.Connection, path: Path) -> Iterator[Finding]:
    """Whether the private key decrypts the secrets, and which secrets expire soon."""
    state = rotation.state(db, path)
    if state.fingerprint is None:
        yield ok("secrets", "No secret was entered yet.")
    elif state.trouble:
        yield problem("secrets", state.trouble, "")
    elif state.elsewhere:
        yield ok("secrets", state.elsewhere)
    else:
        lost = [secret for secret, opens in state.found if opens is False]
        if lost:
            names = ", ".join(f"{secret.owner} {secret.name}".strip() for secret in lost[:5])
            yield problem(
                "secrets", f"{len(lost)} of {len(state.found)} cannot be opened by the private key: {names}.",
                "Enter them again, or restore the key of their time: chansync secrets status",
            )  # fmt: skip
        else:
            count = len(state.found)
            yield ok("secrets", f"The private key opens all {count}." if count else "The private key is there.")
        if state.loose:
            yield warning(
                "secrets",
                f"{len(state.loose)} were sealed by an earlier version, which did not say where they may be sent: "
                "whoever may write into the database could have them sent to a place of his own.",
                "See that the addresses are right (chansync channel list), then: chansync secrets rotate",
            )
    yield from _public(db, path)
    for system in systems.systems(db):
        for sentence in expiring(system):
            said, _, remedy = sentence.partition(": ")
            yield (problem if "has ended" in said else warning)("secrets", f"{said}.", remedy)


def _public(db: apsw.Connection, path: Path) -> Iterator[Finding]:
    """Whether the public key in the database is the daemon's."""
    public = sealing.public_key(db)
    try:
        if public:
            key_file.check_published(path, public)
    except KeyUnreadable as error:
        sentence, _, remedy = str(error).partition(": ")
        yield problem("secrets", f"{sentence}.", remedy)


def backups(db: apsw.Connection) -> Iterator[Finding]:
    """The age of the last backup."""
    at = settings.moment(db, settings.BACKED_UP_AT)
    every_day = "chansync db backup FOLDER, every day."
    if has_backups(db.filename):
        every_day = "systemctl start chansync-backup makes one now; systemctl list-timers shows when the next is due."
    if not at:
        yield warning("backups", "This database was never backed up.", every_day)
        return
    if at - now_ms() > CLOCK_MS:
        yield warning(
            "backups",
            f"The last backup is dated {local_text(at, zone=True)}, in the future: the clock was wrong then.",
            "chansync db backup FOLDER, now.",
        )  # fmt: skip
    elif now_ms() - at > OLD_BACKUP_MS:
        yield warning("backups", f"The last backup is {ago_text(at)} old.", every_day)
    else:
        yield ok("backups", f"The last backup was made {ago_text(at)} ago.")
