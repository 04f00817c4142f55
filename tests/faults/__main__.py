"""``python -m tests.faults``: kill the program again and again while a store works, then prove that nothing is wrong.

``--seed`` names the run: the same seed kills at the same points in the same order. One line of verdict; what differs
follows it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

# The tests' own helpers, for a run that pytest does not start.
sys.path.insert(0, str(Path(__file__).parents[1]))

from . import (
    both,
    every,
    every_amazon,
    every_reports,
    every_shop,
    every_upgrade,
    killing,
    network,
    own_erp,
    talking,
    tryton_erp,
    upgrading,
)

SCRIPTS = {
    "upgrade": every_upgrade.upgrading_all,
    "shop": every_shop.selling,
    "amazon": every_amazon.selling_at_amazon,
    "reports": every_reports.reading_reports,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="names the run")
    parser.add_argument("--kills", type=int, default=300, help="how many processes are killed while the store works")
    parser.add_argument("--steps", type=int, default=100, help="how many makings and upgrades of a database are killed")
    parser.add_argument("--turns", type=int, default=0, help="how many syncs go over a bad network")
    parser.add_argument("--nonsense", type=int, default=0, help="how often sites talk nonsense")
    parser.add_argument("--rate", type=float, default=15.0, help="what shoppers do, a second")
    parser.add_argument(
        "--both", type=int, default=0, help="how often a daemon for a store and Amazon is killed beside screens"
    )
    parser.add_argument(
        "--own-erp", type=int, default=0, help="how often chansync or an outside ERP is killed while orders go between"
    )
    parser.add_argument(
        "--tryton", type=int, default=0, help="how often chansync, a real Tryton or an answer between them is killed"
    )
    parser.add_argument(
        "--every", type=int, metavar="N", help="instead: kill at every N-th point of all (1: at each) of a fixed script"
    )
    parser.add_argument(
        "--script", choices=SCRIPTS, nargs="*", default=list(SCRIPTS), help="with --every: only these scripts"
    )
    parser.add_argument("--keep", type=Path, help="a folder for the databases, which stay")
    parser.add_argument("--verbose", action="store_true", help="a line for every kill")
    given = parser.parse_args()
    say = (lambda text: print(text, file=sys.stderr, flush=True)) if given.verbose else (lambda text: None)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        base = given.keep or Path(folder)
        base.mkdir(parents=True, exist_ok=True)
        if given.every:
            return _every(base, {name: SCRIPTS[name] for name in given.script}, given.every, given.seed, say)
        (base / "store").mkdir()
        tally: Counter[str] = Counter()
        wrong: list[str] = []
        if given.kills:
            tally, wrong = killing.kill_while_selling(base / "store", given.seed, given.kills, given.rate, say)
        if given.steps:
            steps, wrong_steps = upgrading.kill_while_making(base, given.seed, given.steps, say)
            tally, wrong = tally + steps, wrong + wrong_steps
        if given.both:
            (base / "both").mkdir()
            beside, wrong_beside = both.kill_beside_screens(base / "both", given.seed, given.both, given.rate, say)
            tally, wrong = tally + beside, wrong + wrong_beside
        if given.own_erp:
            (base / "own-erp").mkdir()
            between, wrong_between = own_erp.kill_between(base / "own-erp", given.seed, given.own_erp, say)
            tally, wrong = tally + between, wrong + wrong_between
        if given.tryton:
            (base / "tryton").mkdir()
            around, wrong_around = tryton_erp.kill_around_tryton(base / "tryton", given.seed, given.tryton, say)
            tally, wrong = tally + around, wrong + wrong_around
        if given.turns:
            (base / "network").mkdir()
            met, wrong_network = network.sell_over_a_bad_network(base / "network", given.seed, given.turns)
            say(f"connections: {dict(met)}")
            wrong += wrong_network
        if given.nonsense:
            (base / "nonsense").mkdir()
            met, wrong_answers = talking.listen(base / "nonsense", given.seed, given.nonsense)
            say(f"answers and orders: {dict(met)}")
            wrong += wrong_answers
    points = ", ".join(f"{count} × {kind}" for kind, count in sorted(tally.items()))
    verdict = "nothing lost, doubled or half done" if not wrong else f"{len(wrong)} THINGS ARE WRONG"
    print(f"seed {given.seed}: {tally.total()} kills ({points}) in {time.monotonic() - begin:.0f} s: {verdict}")
    for sentence in wrong:
        print(f"  {sentence}")
    return 1 if wrong else 0


def _every(base: Path, scripts: dict[str, every.Making], step: int, first: int, say: Callable[[str], None]) -> int:
    begin = time.monotonic()
    points, killed, wrong = every.kill_at_every_point(base, scripts, step, first, say)
    for kind, count in sorted(points.items()):
        print(f"{count:>6} {kind}")
    verdict = "each came to what it comes to without a kill" if not wrong else f"{len(wrong)} THINGS ARE WRONG"
    print(f"{points.total()} points, {killed} kills in {time.monotonic() - begin:.0f} s: {verdict}")
    for sentence in wrong:
        print(f"  {sentence}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
