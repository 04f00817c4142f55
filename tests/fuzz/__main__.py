"""``python -m tests.fuzz TARGET``: coverage-guided fuzzing by atheris, for as long as one likes.

What makes a target fail is kept as ``crash-…`` in the folder given with ``--keep``.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    given = parser.parse_args()
    logging.disable()
    with atheris.instrument_imports(include=["chansync", "tomlkit"]):
        from fuzz.targets import SEEDS, TARGETS
    if given.target not in TARGETS:
        parser.error(f"there is no target {given.target}; there are {', '.join(TARGETS)}")
    given.keep.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as corpus:
        for number, seed in enumerate(SEEDS[given.target]):
            (Path(corpus) / str(number)).write_bytes(seed)
        options = [
            f"-max_total_time={given.seconds}",
            f"-artifact_prefix={given.keep}/",
            "-max_len=4096",
            "-rss_limit_mb=4096",
        ]
        atheris.Setup([sys.argv[0], *options, corpus], TARGETS[given.target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
