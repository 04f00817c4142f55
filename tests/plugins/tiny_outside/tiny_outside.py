"""The smallest outside ERP: a JSON file as its server, with one POS (FAR), one warehouse (BARN) and whatever items it
is given.

It can be told to fail: the file's ``faults`` is a list of ``{"call", "how", "times"}``. ``how`` is ``lose`` (what was
asked is done, and the answer lost), ``unreachable`` and ``wrong address`` (nothing arrives), ``refuse`` (the whole
call), ``rights``, ``bug`` (the connector fails), ``die`` (the process is killed before anything is done), ``die after``
(once it is done), ``midway`` (the first step of each sale is done, and nothing is known of the rest) or ``half`` (each
step is refused of those sales whose key is in ``keys``). Every call is noted in ``calls``.
"""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from chansync.erp.remote import (
    ChangesPage,
    ErpCapability,
    ErpIdentity,
    ErpRefused,
    ErpRights,
    ErpSettings,
    ErpUnavailable,
    Finding,
    ReferencePage,
    ReferenceRow,
    SaleAnswer,
    SaleSteps,
)
from chansync.model import steps
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Secret, Text
from chansync.model.sale import LineKind, Package, RecordedRefund, SaleDraft, SaleState, SaleView, Shipment
from chansync.model.steps import Step, StepResult
from chansync.model.wire import from_plain, to_plain

POS, WAREHOUSE = "FAR", "BARN"

EMPTY: dict[str, Any] = {
    "key": "open sesame", "sales": {}, "stock": {}, "customers": [], "faults": [], "calls": [], "changed": [],
    "reference": {
        "payment-method": {"cash": "Cash"}, "delivery-method": {"cart": "Our cart"},
        "service": {"CARRIAGE": "Carriage"}, "document-type": {"slip": "Slip"},
    },
    "hidden": {},
}  # fmt: skip


class Refusal(Exception):
    """A step is refused."""

    def __init__(self, code: str, sentence: str, missing: Sequence[tuple[str, int]] = ()) -> None:
        super().__init__(sentence)
        self.code, self.missing = code, tuple(missing)


class Server:
    """The file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, **stock: int) -> Server:
        """A new one that has so many of each item; ``_`` in a name stands for ``-``."""
        server = cls(path)
        server.write(EMPTY | {"stock": {name.replace("_", "-"): pieces for name, pieces in stock.items()}})
        return server

    def read(self) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(self.path.read_text())
        return data

    def write(self, data: Mapping[str, Any]) -> None:
        beside = self.path.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(data))
        beside.replace(self.path)

    def fail(self, call: str, how: str, times: int = 1, keys: Sequence[str] = ()) -> None:
        """Let the next calls of that name fail."""
        data = self.read()
        data["faults"].append({"call": call, "how": how, "times": times, "keys": list(keys)})
        self.write(data)

    def views(self) -> dict[str, SaleView]:
        return {key: from_plain(plain, SaleView) for key, plain in self.read()["sales"].items()}

    def act(self, key: str, *done: Step) -> None:
        """What somebody does there with a sale."""
        data = self.read()
        for step in done:
            perform(data, key, step)
        self.write(data)

    def calls(self, name: str) -> list[Any]:
        return [said for call, said in self.read()["calls"] if call == name]


class Remote:
    """``chansync.erp.remote.Remote`` on such a file."""

    batch = 5

    def __init__(self, settings: ErpSettings) -> None:
        self.settles_after = float(settings.values.get("settles_after") or 0)
        self._server = Server(Path(str(settings.values.get("file"))))
        self._key = settings.values.get("key")
        self.facts: dict[str, Any] = {}

    def _called(self, call: str, said: Any = None) -> tuple[dict[str, Any], str, list[str]]:
        """The data, and how this call shall fail."""
        if not self._server.path.exists():
            raise ErpUnavailable("There is no such file.", undelivered=True)
        data = self._server.read()
        if data["key"] != self._key:
            raise ErpRights("The file does not take the key: enter it anew.")
        data["calls"].append([call, said])
        fault = next((each for each in data["faults"] if each["call"] == call), None)
        if fault is not None:
            fault["times"] -= 1
            data["faults"] = [each for each in data["faults"] if each["times"] > 0]
        self._server.write(data)
        how = fault["how"] if fault else ""
        if how == "unreachable":
            raise ErpUnavailable("The file is out of reach.", undelivered=True)
        if how == "wrong address":
            raise ErpRefused("The file is another one.", undelivered=True)
        if how == "rights":
            raise ErpRights("Nobody may do that with the file.")
        if how == "refuse":
            raise ErpRefused("The file refuses it.")
        if how == "bug":
            raise ValueError("the file makes no sense")
        if how == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        return data, how, fault["keys"] if fault else []

    async def check(self) -> ErpIdentity:
        self._called("check")
        return ErpIdentity("The far file", "1", "as its user", (Finding("ok", "It is there."),))

    async def reference(self, cursor: Mapping[str, Any]) -> AsyncIterator[ReferencePage]:
        data, _, _ = self._called("reference")
        rows = [
            ReferenceRow("pos", POS, "The far POS", data={"warehouse": WAREHOUSE, "currencies": ["EUR", "BGN"]}),
            ReferenceRow("warehouse", WAREHOUSE, "The barn"),
        ]
        for kind, named in data["reference"].items():
            pos = POS if kind in ("payment-method", "delivery-method") else ""
            rows += [ReferenceRow(kind, code, name, pos) for code, name in named.items()]
        yield ReferencePage(tuple(rows), {})
        items = [ReferenceRow("item", code, f"Item {code}") for code in data["stock"]]
        kinds = {"pos", "warehouse", "item", *data["reference"]}
        yield ReferencePage(tuple(items), {"read": 1}, frozenset(kinds), last=True)

    async def find_items(self, keys: Sequence[tuple[str, str]]) -> list[ReferenceRow]:
        data, _, _ = self._called("find_items", sorted(sku for sku, _ in keys))
        return [ReferenceRow("item", sku, f"Item {sku}") for sku, _ in keys if sku in data["hidden"]]

    async def apply(self, sales: Sequence[SaleSteps]) -> list[SaleAnswer]:
        said = [[sale.key, [step.word for step in sale.steps]] for sale in sales]
        data, how, keys = self._called("apply", said)
        answers = []
        for sale in sales:
            refuses = how == "half" and sale.key in keys
            answers.append(_carry_out(data, sale, refuses=refuses, midway=how == "midway"))
        self._server.write(data)
        if how == "lose":
            raise ErpUnavailable("The answer was lost.")
        if how == "die after":
            os.kill(os.getpid(), signal.SIGKILL)
        return answers

    async def views(self, keys: Sequence[str]) -> dict[str, SaleView]:
        data, _, _ = self._called("views", list(keys))
        return {key: from_plain(data["sales"][key], SaleView) for key in keys if key in data["sales"]}

    async def changes(self, cursor: Mapping[str, Any]) -> AsyncIterator[ChangesPage]:
        data, _, _ = self._called("changes")
        now = len(data["changed"])
        keys = dict.fromkeys(data["changed"][cursor.get("seen", now) :])
        views = tuple(from_plain(data["sales"][key], SaleView) for key in keys if key in data["sales"])
        items = frozenset(line.item_code for view in views for line in view.lines)
        yield ChangesPage(views, items, {"seen": now}, last=True)

    async def stock(self, warehouses: Sequence[str], items: Sequence[str] | None = None) -> dict[str, int]:
        data, _, _ = self._called("stock", None if items is None else list(items))
        if WAREHOUSE not in warehouses:
            return {}
        taken: dict[str, int] = {}
        for plain in data["sales"].values():
            for item, pieces in plain["blocked"]:
                taken[item] = taken.get(item, 0) + pieces
        wanted = data["stock"] if items is None else [item for item in items if item in data["stock"]]
        return {item: data["stock"][item] - taken.get(item, 0) for item in wanted}

    async def aclose(self) -> None:
        pass


def _carry_out(data: dict[str, Any], sale: SaleSteps, *, refuses: bool, midway: bool) -> SaleAnswer:
    results: list[StepResult] = []
    refused: set[str] = set()
    for step in sale.steps:
        key = step.key(sale.key)
        if midway and results:
            break
        if "record" in refused or step.needs & refused:
            refused.add(step.word)
            results.append(StepResult(key, code="not_tried"))
            continue
        try:
            if refuses:
                raise Refusal("not_possible", "The barn is closed.")
            results.append(perform(data, sale.key, step))
        except Refusal as error:
            refused.add(step.word)
            results.append(StepResult(key, code=error.code, sentence=str(error), missing=error.missing))
    plain = data["sales"].get(sale.key)
    view = from_plain(plain, SaleView) if plain else None
    error = ErpUnavailable("It broke off midway.") if midway and len(results) < len(sale.steps) else None
    return SaleAnswer(sale.key, tuple(results), view, error)


def perform(data: dict[str, Any], key: str, step: Step) -> StepResult:
    """Carry out a step; a repeat finds it done."""
    told = step.key(key)
    plain = data["sales"].get(key)
    if isinstance(step, steps.Record):
        if plain is not None:
            view = from_plain(plain, SaleView)
            return StepResult(told, ref=view.ref, number=view.number)
        view = _recorded(data, step.draft)
        _keep(data, view)
        is_new = view.customer not in data["customers"]
        if is_new:
            data["customers"].append(view.customer)
        return StepResult(told, changed=True, ref=view.ref, number=view.number, is_new_customer=is_new)
    if plain is None:
        raise Refusal("not_possible", "There is no such sale.")
    before = from_plain(plain, SaleView)
    after, result = _performed(data, before, step, told)
    result = replace(result, changed=after != before)
    if after != before:
        _keep(data, after)
    return result


def _keep(data: dict[str, Any], view: SaleView) -> None:
    data["sales"][view.key] = to_plain(view)
    data["changed"].append(view.key)


def _recorded(data: dict[str, Any], draft: SaleDraft) -> SaleView:
    number = f"FAR-{len(data['sales']) + 1}"
    state = SaleState(draft.currency, draft.total, False, False, 0, "", 0, draft.total, 0, False, False, False)
    return SaleView(
        draft.key, number.lower(), number, state, draft.customer.name, 1_764_000_000_000, draft.pos, draft.warehouse,
        draft.payment_method, "the purse", "slip", "", tuple(draft.lines), billing=draft.billing,
        delivery=draft.delivery, note=draft.note, order_number=draft.order_number,
    )  # fmt: skip


def _needs(view: SaleView) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in view.lines:
        back = sum(
            each.quantity for refund in view.refunds for each in refund.lines if each.external_id == line.external_id
        )
        back += sum(dict(package.lines).get(line.external_id, 0) for package in view.packages)
        if line.kind is LineKind.ITEM and line.quantity > back:
            found[line.item_code] = found.get(line.item_code, 0) + math.ceil(line.quantity - back)
    return found


def _free(data: dict[str, Any], item: str, key: str) -> int:
    others = sum(
        pieces
        for own, plain in data["sales"].items()
        if own != key
        for name, pieces in plain["blocked"]
        if name == item
    )
    return int(data["stock"].get(item, 0)) - others


def _performed(data: dict[str, Any], view: SaleView, step: Step, told: str) -> tuple[SaleView, StepResult]:
    done, state = StepResult(told), view.state
    due = 0 if state.closed else state.total - state.refunded
    match step:
        case steps.Cancel() if state.has_issued:
            raise Refusal("not_possible", f"The sale {view.number} is written out.")
        case steps.Cancel() | steps.Reverse():
            if state.written_out:
                _move(data, replace(view, packages=()), 1)
            closed = "reversed" if state.has_issued else "cancelled"
            state = replace(
                state, blocked=False, requested=False, documented=0, document_number="", paid=0, unpaid=0,
                written_out=False, partly_written_out=False, **({} if state.closed else {closed: True}),
            )  # fmt: skip
            return replace(view, state=state, blocked=()), done
        case _ if state.closed and not isinstance(step, steps.Refund):
            raise Refusal("not_possible", f"The sale {view.number} is closed.")
        case steps.Rewrite():
            fresh = _recorded(data, step.draft)
            return replace(fresh, ref=view.ref, number=view.number, state=replace(fresh.state)), done
        case steps.Complete():
            return replace(view, billing=step.draft.billing, delivery=step.draft.delivery), done
        case steps.Amend():
            now = {
                name: value
                for name in ("billing", "delivery", "note", "payment_method")
                if (value := getattr(step, name)) is not None
            }
            return replace(view, **now), done
        case steps.Block():
            held = {item: min(count, _free(data, item, view.key)) for item, count in _needs(view).items()}
            lacking = tuple((item, count - held[item]) for item, count in _needs(view).items() if held[item] < count)
            held = {item: count for item, count in held.items() if count > 0}
            view = replace(view, blocked=tuple(held.items()), state=replace(state, blocked=bool(held)))
            return view, replace(done, missing=lacking)
        case steps.Release():
            return replace(view, blocked=(), state=replace(state, blocked=False)), done
        case steps.RequestMissing():
            missing = [(item, count - _free(data, item, view.key)) for item, count in _needs(view).items()]
            missing = [(item, count) for item, count in missing if count > 0]
            return replace(view, state=replace(state, requested=bool(missing))), replace(done, missing=tuple(missing))
        case steps.IssueDocument():
            number = f"SLIP-{view.number}"
            return replace(view, state=replace(state, documented=due, document_number=number)), replace(
                done, number=number
            )
        case steps.Pay():
            if not state.document_number and not step.issue_first:
                raise Refusal("no_document", f"The sale {view.number} has no slip.")
            amount = step.in_all - state.paid
            state = replace(
                state, documented=due, document_number=state.document_number or f"SLIP-{view.number}",
                paid=step.in_all, unpaid=due - step.in_all,
            )  # fmt: skip
            return replace(view, state=state), replace(done, amount=amount)
        case steps.WriteOut():
            if state.written_out:
                return view, done
            lacking = tuple(
                (item, count - have)
                for item, count in _needs(view).items()
                if (have := _free(data, item, view.key)) < count
            )
            if lacking:
                raise Refusal("missing_stock", f"The barn lacks {lacking[0][1]} of {lacking[0][0]}.", lacking)
            _move(data, view, -1)
            state = replace(state, written_out=True, partly_written_out=False, blocked=False, requested=False)
            rest = tuple((line.external_id, int(line.quantity)) for line in view.lines if line.kind is LineKind.ITEM)
            packages = view.packages
            if packages:
                packages += (Package(len(packages) + 1, _less(rest, packages), step.carrier, step.tracking, 1),)
            shipment = Shipment(step.carrier, step.tracking, 1)
            return replace(view, state=state, blocked=(), shipment=shipment, packages=packages), done
        case steps.Pack():
            if step.package <= len(view.packages):
                [known] = [each for each in view.packages if each.number == step.package]
                assert dict(known.lines) == dict(step.lines)
                others = tuple(each for each in view.packages if each is not known)
                return replace(view, packages=(*others, replace(known, tracking=step.tracking))), done
            made = Package(step.package, step.lines, step.carrier, step.tracking, 1)
            after = replace(view, packages=(*view.packages, made))
            for item, count in _needs(view).items():
                data["stock"][item] -= count - _needs(after).get(item, 0)
            is_last = not _needs(after)
            state = replace(state, written_out=is_last, partly_written_out=not is_last)
            shipment = Shipment(step.carrier, step.tracking, 1) if is_last else None
            return replace(after, state=state, shipment=shipment), done
        case steps.Ship():
            return replace(view, shipment=Shipment(step.carrier, step.tracking, 1)), done
        case steps.Refund():
            if any(refund.key == step.refund_id for refund in view.refunds):
                return view, done
            refunds = (*view.refunds, RecordedRefund(step.refund_id, step.total, step.lines))
            refunded = state.refunded + step.total
            paid = min(state.paid, state.total - refunded)
            documented = state.total - refunded if state.document_number else 0
            state = replace(
                state, refunded=refunded, paid=paid, documented=documented, unpaid=state.total - refunded - paid
            )
            return replace(view, refunds=refunds, state=state), done
    raise Refusal("not_possible", f"The far file knows no {step.word}.")


def _less(rest: Sequence[tuple[str, int]], packages: Sequence[Package]) -> tuple[tuple[str, int], ...]:
    left = {line: count - sum(dict(each.lines).get(line, 0) for each in packages) for line, count in rest}
    return tuple((line, count) for line, count in left.items() if count)


def _move(data: dict[str, Any], view: SaleView, sign: int) -> None:
    for item, count in _needs(view).items():
        data["stock"][item] = data["stock"].get(item, 0) + sign * count


class FileKind:
    """``chansync.erp.remote.ErpKind`` of it."""

    kind = "file"
    label = "A far file"
    parameters = (
        Parameter("file", "File", "The file that is the ERP.", 0, Text(), needed=True),
        Parameter("key", "Key", "What the file wants to hear.", 0, Secret(), needed=True),
        Parameter("settles_after", "Settles after", "Seconds.", 0, Text(), default="0"),
    )
    capabilities = frozenset(ErpCapability) - {ErpCapability.ADMIN, ErpCapability.SALE_TYPES}
    not_possible: Mapping[str, str] = {"sale_type": "The far file knows no types of sale."}
    embedded = None

    def connect(self, settings: ErpSettings) -> Remote:
        return Remote(settings)


KIND = FileKind()
