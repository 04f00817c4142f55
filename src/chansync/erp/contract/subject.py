"""The ERP that is checked: a connection, what there is to sell, and the sales that the checks make; and what a check
is."""

from __future__ import annotations

import hashlib
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from chansync.erp.remote import ChangesPage, ErpCapability, ErpError, Remote, SaleAnswer, SaleSteps
from chansync.model.order import Address, TaxNumbers
from chansync.model.sale import Customer, LineKind, SaleDraft, SaleLine, SaleView
from chansync.model.steps import Step


class Unprepared(Exception):
    """The ERP lacks what a check needs; the sentence says what to bring in."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody sees of a sale who looks into the ERP itself, past its connector.

    Attributes:
        total, paid: minor units.
        sales: how many sales there are of the key.
    """

    total: int
    paid: int
    sales: int = 1


Look = Callable[[str], Awaitable[Seen | None]]
Have = Callable[[str, str, int], Awaitable[None]]


@dataclass(slots=True)
class Subject:
    """An ERP, and everything that the checks need of it. ``Subject.of`` finds it in the ERP's reference data.

    Attributes:
        currency: one that the POS sells in.
        items: codes of goods, two at least.
        service: the code of a service, for shipping; an item where there is none.
        other_method: another payment method; empty: the POS has only one.
        rate: the tax on all lines, in percent.
        look: looks into the ERP itself for the sale of a key; None: the connector is believed.
        have: brings the stock of an item in a warehouse to so many pieces; None: somebody did before.
        lacks: what the ERP says that it cannot do of what its kind can, and why.
        forgeries: connections that lack the right secret, each by what is wrong with it; none: that is not checked.
        run: sets the sales of this run apart from those of all others.
    """

    remote: Remote
    capabilities: frozenset[ErpCapability]
    pos: str
    warehouse: str
    currency: str
    items: tuple[str, ...]
    service: str
    payment_method: str
    other_method: str = ""
    delivery_method: str = ""
    document_type: str = ""
    tax_transaction: str = ""
    rate: Decimal = Decimal(0)
    look: Look | None = None
    have: Have | None = None
    lacks: Mapping[str, str] = field(default_factory=dict)
    forgeries: Mapping[str, Remote] = field(default_factory=dict)
    run: str = field(default_factory=lambda: secrets.token_hex(4))
    _serials: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    @classmethod
    async def of(
        cls,
        remote: Remote,
        capabilities: Collection[ErpCapability],
        *,
        pos: str = "",
        items: Collection[str] = (),
        look: Look | None = None,
        have: Have | None = None,
        **more: Any,
    ) -> Subject:
        """A subject by the ERP's own reference data.

        What ``check`` says that this ERP lacks is no capability of it.

        Args:
            pos: which POS sells; empty: the first.
            items: which goods are sold; empty: those with most in stock.
            more: other attributes that shall not be guessed, such as ``rate``.

        Raises:
            Unprepared: the ERP has no POS, no goods or no payment method.
            ErpError: it does not answer.
        """
        lacks = (await remote.check()).lacks
        able = frozenset(capabilities) - frozenset(lacks)
        rows = [row async for page in remote.reference({}) for row in page.rows]
        shop = next((row for row in rows if row.kind == "pos" and pos in ("", row.code)), None)
        if shop is None:
            raise Unprepared(f"The ERP has no POS{f' {pos}' if pos else ''}: add one there.")

        def codes(kind: str) -> list[str]:
            return [row.code for row in rows if row.kind == kind and row.pos in ("", shop.code)]

        warehouse = str(shop.data.get("warehouse") or "")
        if not items:
            stock = await remote.stock([warehouse]) if ErpCapability.STOCK in able else {}
            items = sorted(codes("item"), key=lambda code: -stock.get(code, 0))[:3]
        methods = codes("payment-method")
        if len(items) < 2 or not methods:
            raise Unprepared(f"The ERP needs two items, and a payment method of the POS {shop.code}: add them there.")
        tax = next((row for row in rows if row.kind == "tax-transaction"), None)
        # A list, or text with commas.
        currencies = shop.data.get("currencies") or "EUR"
        found: dict[str, Any] = {
            "currency": (currencies.split(",") if isinstance(currencies, str) else currencies)[0].strip(),
            "service": [*codes("service"), *items][0],
            "payment_method": methods[0],
            "other_method": [*methods, ""][1],
            "delivery_method": [*codes("delivery-method"), ""][0],
            "document_type": [*codes("document-type"), ""][0],
            "tax_transaction": tax.code if tax else "",
            "rate": Decimal(str(tax.data.get("rate") or 0)) if tax else Decimal(0),
        }
        return cls(
            remote, able, shop.code, warehouse, items=tuple(items), look=look, have=have, lacks=lacks,
            **(found | more),
        )  # fmt: skip

    # What is sold

    def line(
        self, item: str, quantity: int, net: int, kind: LineKind = LineKind.ITEM, *, discount: int = 0, id: str = ""
    ) -> SaleLine:
        """A line with the tax of the subject's rate; its external id is the item's code unless given."""
        tax = 0 if kind == LineKind.ROUNDING else int((net * self.rate / 100).quantize(Decimal(1), ROUND_HALF_UP))
        return SaleLine(kind, item, f"Line of {item}", Decimal(quantity), net, tax, discount, id or item)

    def draft(self, lines: list[SaleLine] | None = None, *, buyer: str = "", **changes: Any) -> SaleDraft:
        """A new sale, of two pieces of the first item and shipping unless other lines are given.

        Args:
            buyer: a word for who buys; equal words are one person. Empty: a person of its own.
        """
        serial = next(self._serials)
        customer, address = self.person(buyer or str(serial))
        if lines is None:
            lines = [self.line(self.items[0], 2, 2000), self.line(self.service, 1, 490, LineKind.TRANSPORT, id="ship")]
        made = SaleDraft(
            key=f"chansync:contract-{self.run}:{serial}",
            number=f"contract-{self.run}-{serial}",
            channel_code=f"contract-{self.run}",
            order_number=str(serial),
            pos=self.pos,
            warehouse=self.warehouse,
            sale_date=datetime.now(UTC).date(),
            currency=self.currency,
            total=sum(line.net + line.tax for line in lines),
            customer=customer,
            billing=address,
            delivery=address,
            lines=lines,
            payment_method=self.payment_method,
            delivery_method=self.delivery_method,
            sale_type="",
            tax_transaction=self.tax_transaction,
            document_type=self.document_type,
            merchant="",
            note="Recorded by the contract suite",
        )
        return replace(made, **changes)

    def person(self, word: str) -> tuple[Customer, Address]:
        """A buyer of that word, the same for the same word."""
        digits = str(int(hashlib.sha256(f"{self.run} {word}".encode()).hexdigest(), 16))[:8]
        address = Address(
            first_name="Jürgen", last_name=f"Contract {self.run} {word}", line_1=f"Straße des 17. Juni {digits[-2:]}",
            city="Berlin", postcode="10623", country="DE", email=f"{self.run}.{word}@example.com",
            phone=f"+4930{digits}",
        )  # fmt: skip
        return Customer(address.name, address, TaxNumbers(), address.phone, address.email), address

    # What is asked

    async def do(self, draft: SaleDraft, *steps: Step) -> SaleAnswer:
        """Carry out steps with one sale, alone in its batch."""
        (answer,) = await self.remote.apply([SaleSteps(draft.key, self.pos, steps)])
        return answer

    async def view(self, draft: SaleDraft) -> SaleView | None:
        """The sale as ``views`` has it."""
        return (await self.remote.views([draft.key])).get(draft.key)

    async def free(self, item: str) -> int:
        """What ``stock`` says of an item in the POS's warehouse."""
        return (await self.remote.stock([self.warehouse], [item])).get(item, 0)

    async def prepare(self, item: str, pieces: int) -> int:
        """See that there are so many pieces of an item at least; how many there are.

        Raises:
            Unprepared: there are not, and nothing says how to bring them in.
        """
        free = await self.free(item)
        if free < pieces and self.have is not None:
            await self.have(item, self.warehouse, pieces)
            free = await self.free(item)
        if free < pieces:
            raise Unprepared(f"Bring {pieces} pieces of {item} at least into the warehouse {self.warehouse}.")
        return free

    async def changes(self, cursor: Mapping[str, Any]) -> list[ChangesPage]:
        """All pages of ``changes`` after the cursor."""
        return [page async for page in self.remote.changes(cursor)]


# What is checked


class Broken(AssertionError):
    """The ERP does not keep the contract; the sentence says what it answered and what is right."""


def require(is_so: bool, sentence: str) -> None:
    """Raise ``Broken`` with the sentence unless something is so."""
    if not is_so:
        raise Broken(sentence)


def same(what: str, found: Any, right: Any) -> None:
    """Raise ``Broken`` unless two values are equal."""
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
