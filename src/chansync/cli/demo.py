"""``chansync demo``: a company of its own to try it all with."""

from __future__ import annotations

import sys

import click

from chansync.cli.support.lazy import command
from chansync.model.errors import UsageError


@command(
    "chansync demo",
    "chansync demo --amazon",
    "chansync demo --tryton",
    "chansync demo --headless --orders 200 --seconds 20",
)
@click.option("--headless", is_flag=True, help="No screens: sync, then compare every order with its sale.")
@click.option(
    "--orders", type=click.IntRange(1, 1_000_000), default=300, show_default=True, help="Orders in the store."
)
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed gives the same store.")
@click.option("--keep", metavar="FOLDER", help="Keep the database, in a new folder.")
@click.option("--seconds", type=click.IntRange(0), default=30, show_default=True, help="How long, without screens.")
@click.option("--amazon", is_flag=True, help="Beside the store, a seller in three of Amazon's marketplaces.")
@click.option("--tryton", is_flag=True, help="The store sells into a Tryton, which is installed from PyPI for it.")
def demo(headless: bool, orders: int, seed: int, keep: str | None, seconds: int, amazon: bool, tryton: bool) -> int:
    """Try it all: a store with shoppers on this machine, an ERP, a channel, and a daemon that syncs them.

    On a terminal it ends when the screens are left. Nothing of it touches your own database.
    """
    from chansync.demo.command import run
    from chansync_tui.start import run as screens

    if not headless and not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError("There is no terminal for the screens: give --headless.")
    watch = None if headless else screens
    return run(watch, orders=orders, seed=seed, keep=keep, seconds=seconds, amazon=amazon, tryton=tryton)
