"""How a sale's goods leave, and how a sale ends: written out, cancelled, reversed."""

from __future__ import annotations

import apsw

from chansync.erp.ledger import documents, goods
from chansync.erp.ledger.facts import Facts, last_event, note_event
from chansync.erp.protocol import NotPossible
from chansync.model.sale import Package, Shipment
from chansync.model.steps import Pack
from chansync.model.times import now_ms


def write_out(db: apsw.Connection, sale: Facts, carrier: str, tracking: str) -> None:
    """``steps.WriteOut``."""
    sale.refuse_issued("it cannot be written out")
    rest = goods.left(db, sale) if sale.state.partly_written_out else []
    if rest:
        lines = [(line, goods.whole(line.quantity, line.item)) for line in rest]
        _write_out_lines(db, sale, lines, carrier, tracking, is_last=True)
        return
    _note_written_out(db, sale, goods.issue(db, sale))
    if carrier or tracking:
        _note_shipment(db, sale, carrier, tracking)


def pack(db: apsw.Connection, sale: Facts, step: Pack) -> bool:
    """``steps.Pack``; whether anything changed."""
    earlier = packages(db, sale.id)
    known = next((each for each in earlier if each.number == step.package), None)
    if known is not None:
        held = dict(known.lines)
        if held.keys() != dict(step.lines).keys() or any(count not in (0, held[line]) for line, count in step.lines):
            raise NotPossible(f"The package {step.package} of the sale {sale.number} holds something else.")
        if (known.carrier, known.tracking) == (step.carrier, step.tracking):
            return False
        sale.refuse_closed("nothing of it travels")
        package_id = db.execute(
            "SELECT id FROM erp_package WHERE sale_id = ? AND number = ?", (sale.id, step.package)
        ).get
        _note_shipment(db, sale, step.carrier, step.tracking, package_id)
        return True
    sale.refuse_issued("it cannot be written out")
    if step.package != len(earlier) + 1:
        raise NotPossible(f"The next package of the sale {sale.number} is {len(earlier) + 1}, not {step.package}.")
    there = {line.external_id: line for line in goods.left(db, sale)}
    is_last = there.keys() <= {external_id for external_id, _ in step.lines}
    taken: list[tuple[goods.Line, int]] = []
    for external_id, pieces in step.lines:
        line = there.pop(external_id, None)
        if line is None:
            raise NotPossible(f"Nothing of the line {external_id:.60} is left to be written out of {sale.number}.")
        count = pieces or goods.whole(line.quantity, line.item)
        if not 0 < count <= line.quantity:
            raise NotPossible(
                f"{count} of {line.item:.60} cannot be written out of the sale {sale.number}: {line.quantity} are left."
            )
        taken.append((line, count))
        is_last = is_last and count == line.quantity
    if not taken:
        raise NotPossible(f"A package of the sale {sale.number} needs at least one piece.")
    _write_out_lines(db, sale, taken, step.carrier, step.tracking, is_last=is_last)
    return True


def _write_out_lines(
    db: apsw.Connection,
    sale: Facts,
    lines: list[tuple[goods.Line, int]],
    carrier: str,
    tracking: str,
    *,
    is_last: bool,
) -> None:
    """Issue those pieces of those lines as the next package; with the last one comes back what the sale returns."""
    part = goods.Pieces()
    for line, count in lines:
        part[line.item_id] += count
    pieces = goods.issue(db, sale, None if is_last else part)
    db.execute(
        """INSERT INTO erp_package (sale_id, number, at)
           SELECT ?1, coalesce(max(number), 0) + 1, ?2 FROM erp_package WHERE sale_id = ?1""",
        (sale.id, now_ms()),
    )
    package_id = db.last_insert_rowid()
    db.executemany(
        "INSERT INTO erp_package_line (package_id, external_id, item_id, quantity) VALUES (?, ?, ?, ?)",
        [(package_id, line.external_id, line.item_id, count) for line, count in lines],
    )
    _note_written_out(db, sale, pieces, "written out" if is_last else "partly written out")
    _note_shipment(db, sale, carrier, tracking, package_id)


def finish(db: apsw.Connection, sale: Facts) -> None:
    """A partly written-out sale of which nothing is left is written out: its rest was refunded."""
    if sale.state.partly_written_out and not goods.left(db, sale):
        _note_written_out(db, sale, goods.issue(db, sale))


def _note_written_out(db: apsw.Connection, sale: Facts, pieces: dict[str, int], kind: str = "written out") -> None:
    note_event(db, sale.id, kind, pieces=pieces, negative_stock=sale.negative_stock)


def ship(db: apsw.Connection, sale: Facts, carrier: str, tracking: str) -> None:
    """``steps.Ship``."""
    sale.refuse_closed("nothing of it travels")
    if not sale.state.written_out:
        raise NotPossible(
            f"The sale {sale.number} is not written out yet: chansync erp write-out {sale.number} takes the carrier "
            "and the tracking number too."
        )
    _note_shipment(db, sale, carrier, tracking)


def _note_shipment(
    db: apsw.Connection, sale: Facts, carrier: str, tracking: str, package_id: int | None = None
) -> None:
    db.execute(
        "INSERT INTO erp_shipment (sale_id, carrier, tracking, at, package_id) VALUES (?, ?, ?, ?, ?)",
        (sale.id, carrier, tracking, now_ms(), package_id),
    )


def packages(db: apsw.Connection, sale_id: int) -> list[Package]:
    """The packages of the sale, the first first; none where it is written out as a whole."""
    found: dict[int, Package] = {}
    for number, carrier, tracking, at, external_id, quantity in db.execute(
        """SELECT p.number, n.carrier, n.tracking, p.at, l.external_id, l.quantity FROM erp_package p
           JOIN erp_package_line l ON l.package_id = p.id
           JOIN erp_shipment n ON n.id = (SELECT max(id) FROM erp_shipment WHERE sale_id = ?1 AND package_id = p.id)
           WHERE p.sale_id = ?1 ORDER BY p.number, l.external_id""",
        (sale_id,),
    ):
        lines = found[number].lines if number in found else ()
        found[number] = Package(number, (*lines, (external_id, quantity)), carrier, tracking, at)
    return list(found.values())


def shipment(db: apsw.Connection, sale: Facts) -> Shipment | None:
    """How the sale's goods travel; None where it is not written out."""
    if not sale.state.written_out:
        return None
    for row in db.execute(
        "SELECT carrier, tracking, at FROM erp_shipment WHERE sale_id = ? ORDER BY id DESC LIMIT 1", (sale.id,)
    ):
        return Shipment(*row)
    at: int = db.execute("SELECT at FROM erp_event WHERE sale_id = ? AND kind = 'written out'", (sale.id,)).get
    return Shipment("", "", at)


def cancel(db: apsw.Connection, sale: Facts, reason: str) -> None:
    """``steps.Cancel``."""
    sale.refuse_closed("it cannot be cancelled")
    if sale.state.has_issued:
        partly = "partly " if sale.state.partly_written_out else ""
        raise NotPossible(
            f"The sale {sale.number} is {partly}written out: reverse it (chansync erp reverse {sale.number})."
        )
    goods.unblock(db, sale)
    goods.withdraw(db, sale)
    note_event(db, sale.id, "cancelled", **documents.undo(db, sale), **({"reason": reason} if reason else {}))


def cancel_reason(db: apsw.Connection, sale: Facts) -> str:
    """Why the sale was cancelled; empty where it was not, or nobody said."""
    if not sale.state.cancelled:
        return ""
    event = last_event(db, sale.id, ("cancelled",))
    return str(event[1].get("reason") or "") if event else ""


def reverse(db: apsw.Connection, sale: Facts) -> None:
    """``steps.Reverse``."""
    sale.refuse_closed("it cannot be reversed")
    if not sale.state.has_issued:
        raise NotPossible(f"The sale {sale.number} is not written out: cancel it (chansync erp cancel {sale.number}).")
    goods.unblock(db, sale)
    goods.withdraw(db, sale)
    pieces = goods.bring_back(db, sale, "reversal", goods.still_out(db, sale))
    note_event(db, sale.id, "reversed", pieces=pieces, **documents.undo(db, sale))
