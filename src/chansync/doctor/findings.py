"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: nothing to do, worth a look, or to be mended."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        area: what was looked at, in a word or two.
        sentence: how it is.
        remedy: how to mend it; empty where there is nothing to mend.
    """

    area: str
    level: Level
    sentence: str
    remedy: str = ""


def ok(area: str, sentence: str) -> Finding:
    """It is as it should be."""
    return Finding(area, Level.OK, sentence)


def warning(area: str, sentence: str, remedy: str) -> Finding:
    """It works, and should be looked at."""
    return Finding(area, Level.WARNING, sentence, remedy)


def problem(area: str, sentence: str, remedy: str) -> Finding:
    """It does not work, or will not for long."""
    return Finding(area, Level.PROBLEM, sentence, remedy)
