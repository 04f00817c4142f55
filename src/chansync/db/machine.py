"""The identity of this machine: a restart of the daemon is told from a daemon on another machine with a copy of the
database by the machine id, in containers without one by the kernel's boot id, and then by the host name."""

from __future__ import annotations

import functools
import os


def host() -> str:
    """The host name, for messages."""
    return os.uname().nodename


@functools.cache
def identity() -> str:
    """The machine id and the kernel's boot id, shortened: ``MACHINE/BOOT``. Either is empty if unknown: a container
    often has no machine id, and the service's sandbox hides the boot id."""
    boot = _first_line("/proc/sys/kernel/random/boot_id").replace("-", "")
    return f"{_first_line('/etc/machine-id')[:12]}/{boot[:12]}"


def is_here(name: str, known: str) -> bool:
    """Whether that host name and identity are this machine's."""
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
