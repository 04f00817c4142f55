"""Which machine a daemon ran on, so that a second one with a copy of its database is told from a restart.

The machine's id (``/etc/machine-id``) decides, because a host name may change. Most containers have none of their own:
there the running kernel decides (its boot id), and the host name after that.
"""

from __future__ import annotations

import functools
import os


def host() -> str:
    """The machine's name, for people."""
    return os.uname().nodename


@functools.cache
def identity() -> str:
    """The machine's id and that of the running kernel, shortened: ``MACHINE/BOOT``. Either is empty where it is not
    known: a container often has no machine id, and the sandbox of the service hides the boot id."""
    boot = _first_line("/proc/sys/kernel/random/boot_id").replace("-", "")
    return f"{_first_line('/etc/machine-id')[:12]}/{boot[:12]}"


def is_here(name: str, known: str) -> bool:
    """Whether a host of that name and identity is this machine."""
    machine, _, boot = known.partition("/")
    own_machine, _, own_boot = identity().partition("/")
    if machine and own_machine:
        return machine == own_machine
    return name == host() or (boot != "" and boot == own_boot)


def _first_line(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return "".join(letter for letter in file.readline() if letter.isalnum() or letter == "-")
    except OSError:
        return ""
