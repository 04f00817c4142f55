"""The text of an order's page: why it is in its state, its data, its sale, and its history."""

from __future__ import annotations

from collections.abc import Iterator

import apsw

from chansync.erp.papers import SaleDetails, SalePapers, rate_sentence
from chansync.explain.story import Story
from chansync.model.money import format_money
from chansync.model.times import local_text
from chansync_tui.formatting import counted, total_text
from chansync_tui.record_text import as_sent
from chansync_tui.text import fit
from chansync_tui.widgets.pane import Paragraph, heading, pairs


def story_paragraphs(db: apsw.Connection, story: Story) -> Iterator[Paragraph]:
    """Everything, section by section; what is not asked for is not read."""
    for section in (_why, _order, _sale, _asked, _history):
        yield from section(story)
    if story.order:
        yield from as_sent(db, story.order)


def _why(story: Story) -> Iterator[Paragraph]:
    yield Paragraph("Why it is in this state", "title", heading=True)
    explanation = story.explanation
    for sentence in explanation.sentences:
        yield Paragraph(f"  {sentence}", "bad" if sentence in explanation.problems else "")


def _order(story: Story) -> Iterator[Paragraph]:
    order = story.order
    if order is None:
        return
    yield from heading("The order")
    reason = f" ({order.reason})" if order.reason else ""
    facts = {
        "number": order.number,
        "site's id": order.external_id,
        "status": order.status or "unknown",
        "total": total_text(order.total, order.currency) or "not known yet",
        "customer": story.customer,
        "placed": local_text(order.placed_at) if order.placed_at else "",
        "state": f"{order.state}{reason}",
        "next try": _next_try(order.next_try_at),
    }
    yield from pairs(facts)


def _next_try(at: int | None) -> str:
    if at is None:
        return ""
    return local_text(at) if at else "at the next run"


def _sale(story: Story) -> Iterator[Paragraph]:
    if story.papers is None:
        return
    sale = story.papers.details
    row = sale.sale
    mark = f" ({row.mark})" if row.mark else ""
    yield from heading(f"The sale {row.number}{mark} of {row.sale_date}")
    number = f" (number {sale.customer['id']})" if sale.customer["id"] else ""
    yield from pairs({"customer": f"{sale.customer['name']}{number}"})
    yield from pairs({name: value for name, value in sale.customer.items() if name not in ("id", "name")})
    yield from pairs(
        {title: _address(parts) for title, parts in (("billing", sale.billing), ("delivery", sale.delivery))}
    )
    yield from pairs(sale.fields)
    yield from _lines(sale)
    yield from _journals(story.papers)


def _address(parts: dict[str, str]) -> str:
    return ", ".join(str(part) for part in parts.values() if part)


def _lines(sale: SaleDetails) -> Iterator[Paragraph]:
    yield from heading(f"Its {counted(len(sale.lines), 'line')}")
    yield Paragraph(f"  {fit('what', 22)} {fit('pieces', 6, right=True)} {fit('net', 11, right=True)} "
                  f"{fit('tax', 9, right=True)} {fit('total', 11, right=True)}", "dim")  # fmt: skip
    for line in sale.lines:
        what = line["item"] or line["kind"]
        name = f"  {line['name']}" if line["name"] and line["name"] != what else ""
        discount = f"  (discount {line['discount']})" if line["discount"].strip("0.") else ""
        yield Paragraph(
            f"  {fit(what, 22)} {line['quantity']:>6} {line['net']:>11} {line['tax']:>9} {line['total']:>11}{discount}"
        )
        if name:
            yield Paragraph(f"    {name.strip()}", "dim")
    total = format_money(sale.sale.total, sale.sale.currency)
    yield Paragraph(f"  net {sale.net}, tax {sale.tax}, total {total}", "strong")
    if len(sale.by_rate) > 1:
        yield from (Paragraph(f"  {rate_sentence(rate)}") for rate in sale.by_rate)


def _journals(papers: SalePapers) -> Iterator[Paragraph]:
    yield from heading("Documents, payments, blocks, requests")
    found = [
        *(f"document {d.number}: {d.amount}{f', credit of {d.credits}' if d.credits else ''}{_at(d.at)}"
          for d in papers.documents),
        *(f"{p.kind} {p.money}, account {p.account}{_at(p.at)}{f': {p.told}' if p.told else ''}"
          for p in papers.payments),
        *(f"blocked {pieces} of {item} in {warehouse}" for item, warehouse, pieces in papers.blocked),
        *(f"requested {r.quantity} of {r.item}, {local_text(r.at)}" for r in papers.requests),
    ]  # fmt: skip
    for text in found or ["none"]:
        yield Paragraph(f"  {text}", "" if found else "dim")


def _at(milliseconds: int) -> str:
    """A time behind what it is of; nothing where the ERP does not tell it."""
    return f", {local_text(milliseconds)}" if milliseconds else ""


def _asked(story: Story) -> Iterator[Paragraph]:
    """What an outside ERP was asked for of the sale."""
    if not story.steps:
        return
    yield from heading("Asked of the ERP")
    tones = {"problem": "bad", "waiting": "warn", "sent": "warn"}
    for step in story.steps:
        tries = f", sent {step.tries} times" if step.tries > 1 else ""
        due = f", next try {local_text(step.next_try_at)}" if step.next_try_at else ""
        said = f": {step.said}" if step.said else ""
        text = f"  {fit(step.word.replace('_', ' '), 12)} {step.state}, asked {local_text(step.asked_at)}{tries}{due}"
        yield Paragraph(text + said, tones.get(step.state, ""))


def _history(story: Story) -> Iterator[Paragraph]:
    if not story.history:
        return
    yield from heading("History")
    for happening in story.history:
        yield Paragraph(
            f"  {local_text(happening.at, seconds=True)} {happening.what}: {happening.text}",
            "bad" if happening.is_bad else "",
            opens=("message", happening.message_id) if happening.message_id is not None else None,
        )
