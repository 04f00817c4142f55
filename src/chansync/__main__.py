"""``python -m chansync``: the same as the ``chansync`` command."""

from chansync.cli.main import run

if __name__ == "__main__":
    run()
