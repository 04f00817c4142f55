"""Sales and their customers: recorded, changed, closed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from .goods import block, clear, move, request, still_out
from .money import credit, give_back
from .state import nameless, refuse_closed, state_of
from .tables import Db, Json, Refused, Sale, insert, is_known, now, sale_of, update

#: The columns of a sale that its draft fills.
_COLUMNS = (
    "pos", "warehouse", "currency", "total", "sale_date", "order_number", "payment_method", "delivery_method",
    "document_type", "tax_transaction", "note", "mark", "billing", "delivery", "tax_numbers", "payments",
)  # fmt: skip


def record(db: Db, key: str, draft: Json) -> Json:
    """Record a sale, once for its key."""
    known = sale_of(db, key)
    if known:
        return {"ref": str(known["id"]), "number": known["number"]}
    _prove(db, draft)
    customer_id, is_new = _customer(db, draft)
    number = draft["number"] or _next_number(db, draft["pos"])
    if db.execute("SELECT 1 FROM sale WHERE number = ?", (number,)).fetchone():
        raise Refused(f"There is a sale {number} already, of another order.", "number_taken")
    sale_id = insert(db, "sale", key=key, number=number, customer_id=customer_id, recorded_at=now(), **_columns(draft))
    _write_lines(db, sale_id, draft["lines"])
    return {"changed": True, "ref": str(sale_id), "number": number, "is_new_customer": is_new}


def _next_number(db: Db, pos: str) -> str:
    count = db.execute("SELECT coalesce(max(id), 0) FROM sale").fetchone()[0] + 1
    while db.execute("SELECT 1 FROM sale WHERE number = ?", (f"{pos}-{count}",)).fetchone():
        count += 1
    return f"{pos}-{count}"


def _prove(db: Db, draft: Json) -> None:
    """Refuse what this ERP cannot keep."""
    if sum(line["net"] + line["tax"] for line in draft["lines"]) != draft["total"]:
        raise Refused("The lines do not add up to the total.")
    for kind in ("pos", "warehouse"):
        if not is_known(db, kind, draft[kind]):
            raise Refused(f"There is no {kind} {draft[kind]}.")
    for line in draft["lines"]:
        if not Decimal(line["quantity"]).is_finite():
            raise Refused(f"{line['quantity']} is no quantity.")
        if line["kind"] != "rounding" and not is_known(db, "item", line["item_code"], "service"):
            raise Refused(f"There is no item {line['item_code']}: add it, then retry.", "item_unknown")


def _customer(db: Db, draft: Json) -> tuple[int, bool]:
    """The id of the buyer, found by what identifies them and else made, and whether they are new."""
    buyer = draft["customer"]
    # `keys` are the tax numbers in one form each, however they were typed: what customers are found by.
    texts: Json = {name: (buyer.get("keys") or {}).get(name) or "" for name in ("uic", "vat", "personal")}
    texts |= {name: buyer.get(name) or "" for name in ("phone", "email")}
    not_by = {"phone": not draft.get("match_phone", True), "email": not draft.get("match_email", False)}
    for column, value in texts.items():
        if value and not not_by.get(column):
            found = db.execute(f"SELECT id FROM customer WHERE {column} = ? ORDER BY id", (value,)).fetchone()
            if found:
                return found["id"], False
    return insert(db, "customer", name=buyer["name"], address=json.dumps(buyer["address"]), **texts), True


def _write_lines(db: Db, sale_id: int, lines: list[Json]) -> None:
    db.execute("DELETE FROM line WHERE sale_id = ?", (sale_id,))
    for position, line in enumerate(lines, 1):
        more = {name: line[name] for name in ("kind", "name", "quantity", "net", "tax")}
        more |= {"discount": line.get("discount", 0), "external_id": line.get("external_id", "")}
        more["rate"] = line.get("rate")
        insert(db, "line", sale_id=sale_id, position=position, item=line["item_code"], **more)


def _columns(draft: Json) -> Json:
    """The draft's part of a row of ``sale``; objects and lists are JSON."""
    found = {name: draft.get(name) or "" for name in _COLUMNS}
    found |= {"total": draft["total"], "tax_numbers": draft.get("tax_numbers") or {}}
    found["payments"] = list(draft.get("payments") or ())
    return {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in found.items()}


def rewrite(db: Db, sale: Sale, draft: Json) -> Json:
    """Make an untouched sale like the draft; its key and number stay."""
    state = state_of(db, sale)
    if state["documented"] or state["paid"] or state["refunded"] or sale["written_out_at"] or sale["closed"]:
        raise Refused(f"The sale {sale['number']} is invoiced, paid, sent or closed: it cannot be rewritten.")
    _prove(db, draft)
    update(db, sale, customer_id=_customer(db, draft)[0], **_columns(draft))
    _write_lines(db, sale["id"], draft["lines"])
    changed: Any = sale_of(db, sale["key"])
    if sale["wants_block"]:
        clear(db, "block", sale)
        block(db, changed)
    if state["requested"]:
        request(db, changed, [changed["warehouse"]])
    return {"changed": True}


def complete(db: Db, sale: Sale, draft: Json) -> Json:
    """Fill in addresses that were recorded without a name or street."""
    lacking = nameless(sale)
    for name in lacking:
        update(db, sale, **{name: json.dumps(draft[name])})
    if "billing" in lacking:
        update(db, sale, customer_id=_customer(db, draft)[0], tax_numbers=_columns(draft)["tax_numbers"])
    return {"changed": bool(lacking)}


def amend(db: Db, sale: Sale, step: Json) -> Json:
    """Change what no book depends on."""
    if step.get("delivery") and sale["written_out_at"]:
        raise Refused(f"The sale {sale['number']} is written out: its delivery address cannot be changed.")
    pays_otherwise = step.get("payment_method") is not None or step.get("payments") is not None
    if pays_otherwise and state_of(db, sale)["paid"]:
        raise Refused(f"The sale {sale['number']} is paid: its payment methods cannot be changed.")
    new = {name: json.dumps(step[name]) for name in ("billing", "delivery") if step.get(name)}
    new |= {"payments": json.dumps(step["payments"])} if step.get("payments") is not None else {}
    new |= {name: step[name] for name in ("note", "payment_method") if step.get(name) is not None}
    changed = {name: value for name, value in new.items() if sale[name] != value}
    if changed:
        update(db, sale, **changed)
    return {"changed": bool(changed)}


def close(db: Db, sale: Sale, word: str, reason: str = "") -> Json:
    """Cancel (``cancelled``) a sale whose goods are here, or reverse (``reversed``) one whose goods are gone."""
    if sale["closed"] == word:
        return {}
    refuse_closed(sale)
    if bool(sale["written_out_at"]) != (word == "reversed"):
        other = "reverse" if sale["written_out_at"] else "cancel"
        raise Refused(f"The sale {sale['number']} cannot be {word}: {other} it.")
    clear(db, "block", sale)
    clear(db, "request", sale)
    for item, count in still_out(db, sale).items():
        move(db, sale, item, count)
    state = state_of(db, sale)
    credit(db, sale, state["documented"])
    give_back(db, sale, state["paid"])
    update(db, sale, closed=word, cancel_reason=reason)
    return {"changed": True}
