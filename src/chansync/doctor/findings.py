"""The findings of the checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """Severity: nothing to do, to be looked at, or to be repaired."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        area: what was checked, in a word or two.
        sentence: the result.
        remedy: how to repair it; empty if there is nothing to repair.
    """

    area: str
    level: Level
    sentence: str
    remedy: str = ""


def ok(area: str, sentence: str) -> Finding:
    """A check without a fault."""
    return Finding(area, Level.OK, sentence)


def warning(area: str, sentence: str, remedy: str) -> Finding:
    """A fault that disturbs nothing yet."""
    return Finding(area, Level.WARNING, sentence, remedy)


def problem(area: str, sentence: str, remedy: str) -> Finding:
    """A fault that must be repaired."""
    return Finding(area, Level.PROBLEM, sentence, remedy)


def some(names: Sequence[str]) -> str:
    """The first five of them, and how many more there are."""
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def summary(found: Sequence[Finding]) -> str:
    """``2 problems and 1 warning.``"""
    counts = {level: sum(finding.level is level for finding in found) for level in (Level.PROBLEM, Level.WARNING)}
    told = [f"{count} {level}{'' if count == 1 else 's'}" for level, count in counts.items() if count]
    return f"{' and '.join(told)}." if told else "All is well."
