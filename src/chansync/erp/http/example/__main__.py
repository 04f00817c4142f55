"""The example ERP as a program: `python -m chansync.erp.http.example`."""

from __future__ import annotations

import argparse

from .serving import serve


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m chansync.erp.http.example", description=__doc__)
    parser.add_argument("--port", type=int, default=8095)
    parser.add_argument("--db", default="own-erp.db", help="its books; made where it is missing")
    given = parser.parse_args()
    serve(given.db, given.port, lambda sentence: print(sentence, flush=True))


if __name__ == "__main__":
    main()
