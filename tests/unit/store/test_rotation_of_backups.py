"""Which backups of a folder stay."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chansync.db import rotation
from chansync.model.errors import UsageError

_FIRST = datetime(2025, 1, 1, 2, 30)  # noqa: DTZ001 - local times of names


def _every_day(days: int) -> list[datetime]:
    return [_FIRST + timedelta(days=day) for day in range(days)]


def test_a_year_of_nights_leaves_days_weeks_and_months() -> None:
    kept = sorted(rotation.kept(rotation.parse("7d,4w,12m"), _every_day(365)))
    told = [f"{time:%m-%d}" for time in kept]
    assert told[-8:] == ["12-21", "12-25", "12-26", "12-27", "12-28", "12-29", "12-30", "12-31"]
    assert told[:-8] == [
        "01-31", "02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30", "10-31", "11-30", "12-14",
    ]  # fmt: skip


def test_days_without_a_backup_do_not_make_older_ones_go() -> None:
    old = _every_day(3)
    assert rotation.kept(rotation.parse("3d"), [*old, old[-1] + timedelta(days=400)]) == {
        *old[1:],
        old[-1] + timedelta(days=400),
    }


@given(
    st.lists(st.datetimes(datetime(2024, 1, 1), datetime(2026, 1, 1)), max_size=40),  # noqa: DTZ001
    st.sampled_from(["1d", "3d", "2w", "7d,4w,12m", "1m,1w"]),
)
def test_one_backup_more_never_brings_one_back_and_the_newest_stays(times: list[datetime], text: str) -> None:
    keep = rotation.parse(text)
    kept = rotation.kept(keep, times)
    assert kept <= set(times)
    assert not times or max(times) in kept
    # What has gone is never needed later: rotating after each backup leaves the same as rotating once.
    left: set[datetime] = set()
    for time in sorted(set(times)):
        left = rotation.kept(keep, left | {time})
    assert left == kept


@pytest.mark.parametrize("text", ["", "7", "0d", "7d,7d", "7 days", "-1d", "7y", "7d;4w"])
def test_what_does_not_say_how_many_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="write 7d,4w,12m"):
        rotation.parse(text)


def test_nothing_but_backups_of_that_database_is_deleted(tmp_path: Path) -> None:
    names = ("shop-20250101-023000.db", "shop-20250102-023000.db", "shop-20250101-023000.db.gz", "shop-2025.db",
             "other-20250101-023000.db", "shop-20259999-023000.db", "shop.db")  # fmt: skip
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / "shop-20240101-023000.db").symlink_to(tmp_path / "shop.db")
    assert rotation.rotate(tmp_path, "shop", rotation.parse("1d")) == [tmp_path / names[0]]
    assert not (tmp_path / names[0]).exists()
    assert all((tmp_path / name).exists() for name in names[1:])
