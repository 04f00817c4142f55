"""Three-way merge of a form: the values it was opened with, mine, and what somebody else has saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from chansync.model.errors import UsageError

#: What stands for a secret in a difference.
ENTERED, SET, NOT_SET = "(entered by you)", "(set meanwhile)", ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that somebody else changed: the old value, mine and theirs."""

    name: str
    was: str
    mine: str
    theirs: str


@dataclass(slots=True)
class Merge:
    """The result of a three-way comparison.

    Attributes:
        changes: my changes to save, without those in conflict.
        conflicts: fields that both changed to different values.
        theirs: fields that only they changed.
    """

    changes: dict[str, str] = field(default_factory=dict)
    conflicts: list[Difference] = field(default_factory=list)
    theirs: list[Difference] = field(default_factory=list)


class Conflict(UsageError):
    """Both changed the same fields.

    Attributes:
        merge: field by field.
    """

    code = "changed_meanwhile"

    def __init__(self, what: str, merge: Merge) -> None:
        named = ", ".join(difference.name for difference in merge.conflicts)
        super().__init__(f"Somebody else changed {what} meanwhile, also {named}: choose whose value counts.")
        self.merge = merge


def merge(was: Mapping[str, str], mine: Mapping[str, str], theirs: Mapping[str, str]) -> Merge:
    """Compare field by field; a missing field counts as empty.

    A field that both changed to the same value is no conflict and not saved again.
    """
    found = Merge()
    for name in {**theirs, **mine}:
        before, wanted, now = was.get(name, ""), mine.get(name, ""), theirs.get(name, "")
        if wanted == now:
            continue
        if wanted == before:
            found.theirs.append(Difference(name, before, wanted, now))
        elif now == before:
            found.changes[name] = wanted
        else:
            found.conflicts.append(Difference(name, before, wanted, now))
    return found


def secret_conflicts(
    entered: Collection[str], were_set: Mapping[str, int], are_set: Mapping[str, int]
) -> list[Difference]:
    """Secrets that I entered and somebody else has set since then; the mappings have the times when each was set."""
    return [
        Difference(name, SET if name in were_set else NOT_SET, ENTERED, SET)
        for name in entered
        if name in are_set and are_set[name] != were_set.get(name)
    ]


def rebase(found: Merge, theirs: Mapping[str, str], keep: Collection[str]) -> dict[str, str]:
    """My values over what is stored now.

    Args:
        keep: the fields in conflict for which mine counts; for the others theirs does.
    """
    kept = {each.name: each.mine for each in found.conflicts if each.name in keep and each.mine != ENTERED}
    return {**theirs, **found.changes, **kept}
