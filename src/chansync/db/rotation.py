"""Which backups of a folder are kept: of each of the last days, weeks and months that have one, the newest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from chansync.model.errors import UsageError

#: How the name of a backup in a folder tells its local time.
STAMP = "%Y%m%d-%H%M%S"

_STAMPED = re.compile(r"(\d{8}-\d{6})\.db\Z")
_PART = re.compile(r"(\d{1,4})([dwm])\Z")
#: How many days, weeks and months keep a backup, by their letters ``d``, ``w`` and ``m``.
Keep = dict[str, int]

#: What tells one day, week or month from another.
_PERIODS = {"d": "%Y-%m-%d", "w": "%G-W%V", "m": "%Y-%m"}


def kept(keep: Keep, times: Iterable[datetime]) -> set[datetime]:
    """Those of the times whose backups stay; the newest always does.

    Days without a backup do not count: after a month without any, what was there before is still there.
    """
    newest_first = sorted(set(times), reverse=True)
    stay = set(newest_first[:1])
    for letter, count in keep.items():
        newest: dict[str, datetime] = {}
        for time in newest_first:
            newest.setdefault(time.strftime(_PERIODS[letter]), time)
        stay.update([*newest.values()][:count])
    return stay


def parse(text: str) -> Keep:
    """``7d,4w,12m``: the newest backup of each of the last 7 days, 4 weeks and 12 months.

    Raises:
        UsageError: it is not written so.
    """
    counts: Keep = {}
    for part in text.split(","):
        found = _PART.match(part.strip().lower())
        if found is None or not int(found[1]) or found[2] in counts:
            raise UsageError(
                f"{text!r:.40} does not say how many backups are kept: write 7d,4w,12m (days, weeks, months)."
            )
        counts[found[2]] = int(found[1])
    return counts


def backups(folder: Path, stem: str) -> dict[datetime, Path]:
    """The backups in a folder that are of a database of that name, by the local time in their names, the newest first.

    Raises:
        OSError: it cannot be read.
    """
    found = {}
    for path in folder.iterdir():
        rest = path.name.removeprefix(f"{stem}-")
        stamped = _STAMPED.match(rest) if rest != path.name else None
        if stamped and not path.is_symlink():
            try:
                found[datetime.strptime(stamped[1], STAMP)] = path  # noqa: DTZ007 - compared with each other only
            except ValueError:
                continue
    return dict(sorted(found.items(), reverse=True))


def rotate(folder: Path, stem: str, keep: Keep) -> list[Path]:
    """Delete the backups that are not to be kept, with the private keys beside them; which they were.

    Raises:
        OSError: one cannot be deleted.
    """
    found = backups(folder, stem)
    stay = kept(keep, found)
    gone = [path for time, path in found.items() if time not in stay]
    for path in gone:
        path.with_suffix(".key").unlink(missing_ok=True)
        path.unlink()
    return gone
