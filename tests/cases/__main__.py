"""``python -m tests.cases FILE…``: play cases, and print a line for each; exit code 1 if any is not right."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.cases", description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    files = parser.parse_args().files
    from cases.play import play

    all_right = True
    with tempfile.TemporaryDirectory(prefix="chansync-cases-") as folder:
        for number, file in enumerate(files):
            case_folder = Path(folder, str(number))
            case_folder.mkdir()
            outcome = play(file, case_folder)
            print(outcome, flush=True)
            all_right = all_right and outcome.is_right
    return 0 if all_right else 1


if __name__ == "__main__":
    sys.exit(main())
