"""What a check is, and how all of them are run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from chansync.erp.contract.subject import Subject, Unprepared
from chansync.erp.remote import ErpCapability, ErpError


class Broken(AssertionError):
    """The ERP does not keep the contract; the sentence says what it answered and what is right."""


def require(is_so: bool, sentence: str) -> None:
    """Demand that something is so.

    Raises:
        Broken: it is not.
    """
    if not is_so:
        raise Broken(sentence)


def same(what: str, found: Any, right: Any) -> None:
    """Demand that two values are equal.

    Raises:
        Broken: they are not.
    """
    require(found == right, f"{what}: the ERP says {found!r}, right is {right!r}.")


@dataclass(frozen=True, slots=True)
class Check:
    """One law of the contract.

    Attributes:
        name: what scripts and test reports call it.
        law: what must be so, for people.
        needs: without these capabilities it does not apply.
        forges: without ``Subject.forgeries`` it does not apply.
    """

    name: str
    law: str
    needs: frozenset[ErpCapability]
    run: Callable[[Subject], Awaitable[None]]
    forges: bool = False

    def applies_to(self, erp: Subject) -> bool:
        """Whether the ERP can do what the check is about."""
        return self.needs <= erp.capabilities and bool(erp.forgeries or not self.forges)

    def why_not(self, erp: Subject) -> str:
        """Why it does not apply, for people."""
        missing = sorted(self.needs - erp.capabilities)
        if not missing:
            return "with this kind of ERP it is not known how to be turned away"
        told = next((name for name in missing if name in erp.lacks), None)
        if told is not None:
            return f"the ERP says that it lacks {told}: {erp.lacks[told].rstrip('.')}"
        return f"this kind of ERP lacks: {', '.join(missing)}"

    async def __call__(self, erp: Subject) -> None:
        """Check it.

        Raises:
            Broken: the law is broken.
            Unprepared: the ERP lacks what the check needs, such as stock.
        """
        await self.run(erp)

    def __str__(self) -> str:
        return self.name


def check(*needs: ErpCapability, forges: bool = False) -> Callable[[Callable[[Subject], Awaitable[None]]], Check]:
    """Make a function a check; its docstring is the law."""

    def made(run: Callable[[Subject], Awaitable[None]]) -> Check:
        law = " ".join((run.__doc__ or "").split())
        return Check(run.__name__, law, frozenset(needs), run, forges)

    return made


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a check.

    Attributes:
        word: ``ok``, ``skipped`` (it does not apply, or is not prepared) or ``broken``.
        sentence: why, where it is not ok.
    """

    check: Check
    word: str
    sentence: str = ""


async def prove(erp: Subject, checks: Iterable[Check]) -> AsyncIterator[Outcome]:
    """Run the checks one after the other. What a connector raises that is no ``ErpError`` is a bug, and escapes."""
    for each in checks:
        if not each.applies_to(erp):
            yield Outcome(each, "skipped", f"{each.why_not(erp)}.")
            continue
        try:
            await each(erp)
        except Unprepared as error:
            yield Outcome(each, "skipped", str(error))
        except (Broken, ErpError) as error:
            yield Outcome(each, "broken", str(error))
        else:
            yield Outcome(each, "ok")
