"""What syncs now and what the last runs did."""

from __future__ import annotations

from pathlib import Path

from chansync.model.times import now_ms
from chansync.store import runs
from chansync.store.runs import RunCounts
from chansync_tui.app import ChansyncApp
from functional.tui import seed
from functional.tui.looking import Other, row, until_seen

WIDE = (120, 40)


async def test_a_run_under_way_shows_bar_rate_and_time(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await until_seen(pilot, "45% 135 of 300")
        assert row(app, "135 of 300").split()[-3:] == ["40", "s", "120"]
        assert "3.4/s" in row(app, "135 of 300")


async def test_progress_and_end_of_a_run_are_live(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await until_seen(pilot, "135 of 300")
        with Other(company) as other:
            run_id = runs.running(other.db)[0].id
            runs.progress(other.db, run_id, RunCounts(expected=300, fetched=270, created=200))
            await until_seen(pilot, "270 of 300")
            runs.finish(other.db, run_id, RunCounts(expected=300, fetched=300, created=299, skipped=1), "done")
        await until_seen(pilot, "Nothing runs now.")
        assert row(app, "13:04").split()[4:6] == ["300", "299"]


async def test_counts_states_and_reasons_of_the_last_runs(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=(160, 40)) as pilot:
        await pilot.press("2")
        await until_seen(pilot, "12:56")
        assert row(app, "12:56").split() == ["▌shop-de", "orders", "12:56", "done", *"14 6 2 3 1 2 5 12 s tui".split()]
        assert "failed" in row(app, "12:45")
        await pilot.press("j", "j")
        await until_seen(pilot, "boutique.example may be down.")


async def test_why_orders_were_skipped(company: Path) -> None:
    with Other(company) as other:
        seed.add_run(other.db, 1, 60_000, fetched=1, skipped=1)
        order_id = seed.add_order(other.db, 1, "1099", state="skipped")
        other.db.execute(
            "UPDATE \"order\" SET status = 'pending', reason = 'status', changed_at = ? WHERE id = ?",
            (now_ms() - 55_000, order_id),
        )
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await until_seen(pilot, "Skipped: 1 pending (status not imported).")


async def test_sparkline_has_an_hour_a_step(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await until_seen(pilot, "257 orders in 24 h, at most 206 in an hour")
        assert "█" in row(app, "257 orders")


async def test_tab_goes_to_the_runs_under_way_and_enter_opens_the_channel(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2", "tab")
        await until_seen(pilot, "shop-de orders, running, by schedule")
        await pilot.press("enter")
        await until_seen(pilot, "shop-de Shop Germany", "1 Basic data")


async def test_new_runs_come_on_top_and_the_cursor_stays_on_its_run(company: Path) -> None:
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await until_seen(pilot, "12:56")
        with Other(company) as other:
            seed.add_run(other.db, 2, 60_000, fetched=77)
        await until_seen(pilot, "13:04")
        assert row(app, "12:56").startswith("▌")
        with Other(company) as other:
            seed.add_run(other.db, 2, 30_000, fetched=78)
        await until_seen(pilot, " 78 ")
        assert row(app, "12:56").startswith("▌"), "it stays on its run"


async def test_killed_process_is_called_interrupted(company: Path) -> None:
    with Other(company) as other:
        run_id = runs.start(other.db, 2, "orders", "schedule", "123456789abcdef0:1")
        other.db.execute("UPDATE run SET started_at = ? WHERE id = ?", (now_ms() - 3_600_000, run_id))
    app = ChansyncApp(company)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await until_seen(pilot, "interrupted")
        assert "interrupted" in row(app, "12:05")
