"""What is in the daemon's memory stays there: opened keys are."""

from __future__ import annotations

import subprocess
import sys

_TELL = """
import ctypes, resource
from chansync_daemon import main
main._prepare_for_the_worst()
PR_GET_DUMPABLE = 3
print(ctypes.CDLL(None).prctl(PR_GET_DUMPABLE), *resource.getrlimit(resource.RLIMIT_CORE))
"""


def test_neither_a_core_file_nor_a_program_gets_the_memory() -> None:
    told = subprocess.run([sys.executable, "-c", _TELL], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["0", "0", "0"]
