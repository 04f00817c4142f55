"""The books of the example ERP. A sale is one JSON document; beside it are customers, stock, and a log of what changed.

What makes a request harmless that comes twice:

- ``key`` is unique among sales, a refund's id and a package's number within their sale;
- a step changes the document only as far as it is not yet as the step says;
- what is owed, invoiced and out of stock follows from the document (``Sale.settle``), so nothing is booked twice;
- all steps of a sale are one transaction, each is whole or not at all, and no answer comes before the commit.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from decimal import Decimal
from math import ceil
from typing import Any

Json = dict[str, Any]

TABLES = """
CREATE TABLE IF NOT EXISTS reference (kind TEXT, pos TEXT, code TEXT, name TEXT, gtin TEXT, data TEXT,
    PRIMARY KEY (kind, pos, code));
CREATE TABLE IF NOT EXISTS sale (key TEXT PRIMARY KEY, number TEXT NOT NULL UNIQUE, document TEXT NOT NULL);
-- What a customer is found by, such as `vat DE811569869` or `phone +49301234567`.
CREATE TABLE IF NOT EXISTS customer (mark TEXT PRIMARY KEY, id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stock (warehouse TEXT, item TEXT, pieces INTEGER NOT NULL, blocked INTEGER NOT NULL,
    PRIMARY KEY (warehouse, item));
-- The token, and the last number of each series.
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value);
-- What `GET /changes` tells. Triggers write it, so that nobody who changes the books can forget to, people included.
-- Ids are given in the order of commits, because SQLite has one writer at a time. Where your database has several, a
-- cursor must not pass what is not committed yet.
CREATE TABLE IF NOT EXISTS change (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT, item TEXT);
CREATE TRIGGER IF NOT EXISTS sale_new AFTER INSERT ON sale BEGIN INSERT INTO change (key) VALUES (new.key); END;
CREATE TRIGGER IF NOT EXISTS sale_changed AFTER UPDATE ON sale BEGIN INSERT INTO change (key) VALUES (new.key); END;
CREATE TRIGGER IF NOT EXISTS stock_new AFTER INSERT ON stock BEGIN INSERT INTO change (item) VALUES (new.item); END;
CREATE TRIGGER IF NOT EXISTS stock_moved AFTER UPDATE ON stock BEGIN INSERT INTO change (item) VALUES (new.item); END;
"""

#: The steps: each is a method of ``Sale``.
STEPS = (
    "record", "rewrite", "complete", "amend", "block", "release", "request", "issue", "pay", "write_out", "pack",
    "ship", "cancel", "reverse", "refund", "withdraw_refund",
)  # fmt: skip


class Refused(Exception):
    """A step cannot be done, and nothing of it was. ``code`` is one of those that the description has."""

    def __init__(self, sentence: str, code: str = "not_possible", missing: dict[str, int] | None = None) -> None:
        super().__init__(sentence)
        self.code, self.missing = code, missing or {}


def apply(db: sqlite3.Connection, key: str, steps: list[Json]) -> Json:
    """Carry out the steps with the sale of that key in one transaction; the answer for the sale."""
    results: list[Json] = []
    refused: set[str] = set()
    db.execute("BEGIN IMMEDIATE")
    try:
        sale = Sale(db, key)
        for step in steps:
            before, word = json.dumps(sale.doc), step["step"]
            result: Json = {"key": step["key"], "changed": False}
            results.append(result)
            try:
                if "record" in refused or refused.intersection(step["needs"]):
                    raise Refused("", "not_tried")
                if word not in STEPS:
                    # A newer chansync may know more: what is not possible here is told as such.
                    raise Refused(f"This ERP does not know the step {word}.")
                if word != "record" and not sale.doc:
                    raise Refused(f"There is no sale of the key {key}.")
                result |= getattr(sale, word)(step) or {}
                sale.settle()
                result["changed"] = json.dumps(sale.doc) != before
            except Refused as error:
                sale.doc = json.loads(before)
                refused.add(word)
                result |= {"code": error.code, "sentence": str(error), "missing": list(error.missing.items())}
        if any(result["changed"] for result in results):
            sale.save()
        db.execute("COMMIT")
    except BaseException:
        db.execute("ROLLBACK")
        raise
    return {"key": key, "results": results, "view": sale.view() if sale.doc else None}


class Sale:
    """The sale of a key: a method for each step, and its view. ``doc`` is its document; empty: there is none."""

    def __init__(self, db: sqlite3.Connection, key: str) -> None:
        row = db.execute("SELECT document FROM sale WHERE key = ?", (key,)).fetchone()
        self.db, self.key = db, key
        self.doc: Json = json.loads(row[0]) if row else {}
        # What the stock shows of it.
        self.out_before, self.blocked_before = self.out(), Counter[str](self.doc.get("blocked"))

    # Recorded, changed, ended

    def record(self, step: Json) -> Json:
        draft, is_new = step["draft"], False
        if not self.doc:
            self.prove(draft)
            ref = self.next("sale")
            number = draft["number"] or f"{draft['pos']}-{ref}"
            if self.db.execute("SELECT 1 FROM sale WHERE number = ?", (number,)).fetchone():
                raise Refused(f"There is a sale {number} already, of another order.", "number_taken")
            customer, is_new = self.customer(draft)
            self.doc = {
                "ref": str(ref), "number": number, "recorded_at": now(), "draft": draft, "customer": customer,
                "wants_block": False, "blocked": {}, "requested": {}, "sent": [], "documents": [], "payments": [],
                "refunds": [], "closed": "", "cancel_reason": "",
            }  # fmt: skip
        return {"ref": self.doc["ref"], "number": self.doc["number"], "is_new_customer": is_new}

    def prove(self, draft: Json) -> None:
        if summed(draft["lines"], "net") + summed(draft["lines"], "tax") != draft["total"]:
            raise Refused("The lines do not add up to the total.")
        if not self.knows(draft["pos"], "pos") or not self.knows(draft["warehouse"], "warehouse"):
            raise Refused(f"There is no POS {draft['pos']}, or no warehouse {draft['warehouse']}.")
        for line in draft["lines"]:
            if not Decimal(line["quantity"]).is_finite():
                raise Refused(f"{line['quantity']} is no quantity.")
            if line["kind"] != "rounding" and not self.knows(line["item_code"], "item", "service"):
                raise Refused(f"There is no item {line['item_code']}: add it, then retry.", "item_unknown")

    def customer(self, draft: Json) -> tuple[int, bool]:
        """The buyer's id, found by tax numbers, then by phone and e-mail where the draft says so; and whether new."""
        buyer = draft["customer"]
        marks = {f"{name} {value}": True for name, value in (buyer.get("keys") or {}).items() if value}
        for name, usually in (("phone", True), ("email", False)):
            if buyer.get(name):
                marks[f"{name} {buyer[name]}"] = draft.get(f"match_{name}", usually)
        for mark, may_match in marks.items():
            row = self.db.execute("SELECT id FROM customer WHERE mark = ?", (mark,)).fetchone()
            if row and may_match:
                return row[0], False
        made = self.next("customer")
        self.db.executemany("INSERT OR IGNORE INTO customer VALUES (?, ?)", [(mark, made) for mark in marks])
        return made, True

    def rewrite(self, step: Json) -> None:
        doc, draft = self.doc, step["draft"]
        if any(doc[name] for name in ("documents", "payments", "refunds", "sent", "closed")):
            raise Refused(f"The sale {doc['number']} is invoiced, paid, sent or closed: it cannot be rewritten.")
        if draft != doc["draft"]:
            self.prove(draft)
            doc |= {"draft": draft, "customer": self.customer(draft)[0], "blocked": {}}
            for word, is_wanted in ((self.block, doc["wants_block"]), (self.request, doc["requested"])):
                if is_wanted:
                    word({})

    def complete(self, step: Json) -> None:
        lacking, new = self.nameless(), step["draft"]
        self.doc["draft"] |= {name: new[name] for name in lacking}
        if "billing" in lacking:
            self.doc["draft"] |= {"customer": new["customer"], "tax_numbers": new.get("tax_numbers") or {}}
            self.doc["customer"] = self.customer(new)[0]

    def amend(self, step: Json) -> None:
        names = ("billing", "delivery", "note", "payment_method", "payments")
        new = {name: step[name] for name in names if step.get(name) is not None}
        if "delivery" in new and self.doc["sent"]:
            raise Refused(f"The sale {self.doc['number']} is sent: its delivery address cannot be changed.")
        if new.keys() & {"payment_method", "payments"} and self.paid():
            raise Refused(f"The sale {self.doc['number']} is paid: its payment methods cannot be changed.")
        self.doc["draft"] |= new

    def cancel(self, step: Json) -> None:
        self.close("cancelled", step.get("reason", ""))

    def reverse(self, step: Json) -> None:
        self.close("reversed")

    def close(self, word: str, reason: str = "") -> None:
        if self.doc["closed"] != word:
            self.refuse_closed()
            if bool(self.doc["sent"]) != (word == "reversed"):
                other = "reverse" if self.doc["sent"] else "cancel"
                raise Refused(f"The sale {self.doc['number']} cannot be {word}: {other} it.")
            self.doc |= {"closed": word, "cancel_reason": reason}

    # Goods

    def block(self, step: Json) -> Json:
        needed, blocked = self.needed(), self.doc["blocked"]
        self.doc["wants_block"] |= bool(needed)
        for item, count in needed.items():
            blocked[item] = max(0, min(count, self.there(item)))
        return {"missing": [(item, count - blocked[item]) for item, count in needed.items() if count > blocked[item]]}

    def release(self, step: Json) -> None:
        self.doc |= {"wants_block": False, "blocked": {}}

    def request(self, step: Json) -> Json:
        missing, home = {}, self.doc["draft"]["warehouse"]
        places = set(step.get("warehouses") or [home])
        for item, count in self.needed().items():
            there = sum(max(0, free(self.db, item, place)) for place in places - {home})
            there += max(0, self.there(item)) if home in places else self.doc["blocked"].get(item, 0)
            if count > there:
                missing[item] = count - there
        self.doc["requested"] = missing
        return {"missing": sorted(missing.items())}

    def write_out(self, step: Json) -> None:
        self.refuse_closed()
        if not self.written_out():
            # The rest of what left in packages is the last of them; all at once is none.
            self.send(len(self.doc["sent"]) + 1 if self.doc["sent"] else 0, self.left(), step)

    def pack(self, step: Json) -> None:
        self.refuse_closed()
        number, lines, left = step["package"], dict(step["lines"]), self.left()
        known = next((each for each in self.doc["sent"] if each["number"] == number), None)
        if known and lines == dict(known["lines"]):
            known |= travels(step)
            return
        is_next = number == len(self.doc["sent"]) + 1 and not self.written_out()
        if not is_next or not lines or any(not 0 < count <= left.get(line, 0) for line, count in lines.items()):
            sentence = f"Package {number} of the sale {self.doc['number']} cannot hold {named(lines)} of its lines"
            raise Refused(f"{sentence}: what is left is {named(left)}.")
        self.send(number, lines, step)

    def send(self, number: int, lines: dict[str, int], step: Json) -> None:
        self.doc["sent"].append({"number": number, "lines": list(lines.items()), "at": now(), **travels(step)})

    def ship(self, step: Json) -> None:
        if self.doc["closed"] or not self.doc["sent"] or self.doc["sent"][0]["number"]:
            raise Refused(f"The sale {self.doc['number']} is not written out as a whole: nothing of it travels.")
        self.doc["sent"][0] |= travels(step)

    # Money

    def issue(self, step: Json) -> Json:
        if not self.document_number():
            self.refuse_closed()
            kind = step.get("document_type") or self.doc["draft"]["document_type"]
            if not self.knows(kind, "document-type"):
                raise Refused(f"There is no type of document {kind!r}.", "document_type_missing")
            self.document(kind, self.due())
        return {"number": self.document_number()}

    def pay(self, step: Json) -> Json:
        # Below zero, so much is paid back to the buyer of a sale whose total is below zero.
        amount, owed, draft = step["in_all"] - self.paid(), self.due() - self.paid(), self.doc["draft"]
        if amount and not (0 < amount <= owed or (draft["total"] < 0 and owed <= amount < 0)):
            raise Refused(f"{amount} cannot be paid on the sale {self.doc['number']}: {owed} are owed.")
        if amount and not self.document_number() and not step.get("issue_first", False):
            raise Refused(f"The sale {self.doc['number']} has no invoice: issue it first.", "no_document")
        if amount:
            self.issue({})
        left, before = amount, self.paid_by()
        for part in step.get("parts", ()):
            due = max(0, min(part["amount"] - before[part["method"]], left))
            left -= due
            self.book(part["method"], due)
        self.book(draft["payment_method"], left, step.get("transaction_id", ""), step.get("paid_on", ""))
        return {"amount": amount}

    def refund(self, step: Json) -> None:
        if self.refund_of(step["refund_id"]):
            return
        self.refuse_closed()
        if not 0 <= step["total"] <= self.due():
            raise Refused(f"{step['total']} cannot be refunded on {self.doc['number']}: {self.due()} are left.")
        lines = [self.refund_line(line, step.get("restock", True)) for line in step.get("lines", ())]
        self.doc["refunds"].append({"key": step["refund_id"], "total": step["total"], "lines": lines, "returned": {}})

    def refund_line(self, line: Json, restock: bool) -> Json:
        """A line of a refund: what was not sent yet stays here; the rest comes back, or is kept by the buyer."""
        own, quantity = line["external_id"], Decimal(line["quantity"])
        sold = sum(Decimal(each["quantity"]) for each in self.doc["draft"]["lines"] if each["external_id"] == own)
        given = sum(Decimal(each["quantity"]) for each in self.given_back() if each["external_id"] == own)
        if not 0 <= quantity <= sold - given:
            raise Refused(f"The sale {self.doc['number']} has no {quantity} of the line {own} left to be refunded.")
        made = {name: line[name] for name in ("external_id", "quantity", "net", "tax")}
        made["unsent"] = str(min(quantity, self.left().get(own, 0)))
        return made | {"kept": not (restock and line.get("restock", True))}

    def withdraw_refund(self, step: Json) -> Json:
        found, undone = self.refund_of(step["refund_id"]), f"{step['refund_id']} withdrawn"
        if not found or self.refund_of(undone):
            return {}
        self.refuse_closed()
        texts, amounts = ("quantity", "unsent"), ("net", "tax")
        lines = [
            line | {name: str(-Decimal(line[name])) for name in texts} | {name: -line[name] for name in amounts}
            for line in found["lines"]
        ]
        self.doc["refunds"].append({"key": undone, "total": -found["total"], "lines": lines, "returned": {}})
        for method, amount in found["returned"].items():
            self.book(method, amount)
        return self.block({}) if self.doc["wants_block"] else {}

    # What follows from the document

    def settle(self) -> None:
        """Bring invoices, payments and blocks in line with the document; refuse what the warehouse does not have."""
        doc, needed, out = self.doc, self.needed(), self.out()
        may = {item: min(count, needed[item], self.there(item)) for item, count in doc["blocked"].items()}
        doc["blocked"] = {item: count for item, count in may.items() if count > 0}
        doc["requested"] = {item: count for item, count in doc["requested"].items() if needed[item]}
        lacking = {
            item: -self.there(item) for item in out if out[item] > self.out_before[item] and self.there(item) < 0
        }
        if lacking:
            raise Refused(f"The warehouse lacks {named(lacking)}: bring it in.", "missing_stock", lacking)
        if doc["documents"] and (more := self.due() - summed(doc["documents"], "total")):
            self.document(doc["documents"][0]["number"].split("/")[1], more)
        # Below zero is what was paid to the buyer of a sale whose total is below zero.
        too_much = self.paid() - self.due() if self.paid() > 0 or doc["closed"] else 0
        for method, paid in self.paid_by().items():
            part = max(0, min(too_much, paid)) if paid > 0 else min(0, max(too_much, paid))
            self.book(method, -part)
            too_much -= part
            if part and doc["refunds"]:
                doc["refunds"][-1]["returned"][method] = part

    def save(self) -> None:
        """Write the document, and what it has changed of the stock."""
        self.db.execute(
            "INSERT INTO sale VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET document = excluded.document",
            (self.key, self.doc["number"], json.dumps(self.doc)),
        )
        out, blocked = self.out(), Counter[str](self.doc["blocked"])
        for item in {*out, *blocked, *self.out_before, *self.blocked_before}:
            moved = self.out_before[item] - out[item], blocked[item] - self.blocked_before[item]
            if any(moved):
                self.db.execute(
                    """INSERT INTO stock VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
                       SET pieces = pieces + excluded.pieces, blocked = blocked + excluded.blocked""",
                    (self.doc["draft"]["warehouse"], item, *moved),
                )

    def goods(self) -> dict[str, str]:
        """The id of each line of goods, and its item."""
        lines = {line.get("external_id", ""): line["item_code"] for line in self.doc["draft"]["lines"]}
        return {own: item for own, item in lines.items() if self.knows(item, "item")}

    def given_back(self) -> list[Json]:
        return [line for refund in self.doc["refunds"] for line in refund["lines"]]

    def left(self) -> dict[str, int]:
        """Pieces that are still to be sent, by the id of their line: neither refunded nor sent."""
        goods, doc, left = self.goods(), self.doc, dict[str, Decimal]()
        if doc["closed"] or any(not package["number"] for package in doc["sent"]):
            return {}
        more = [(line.get("external_id", ""), Decimal(line["quantity"])) for line in doc["draft"]["lines"]]
        more += [(own, -Decimal(count)) for package in doc["sent"] for own, count in package["lines"]]
        more += [(line["external_id"], -Decimal(line["unsent"])) for line in self.given_back()]
        for own, count in more:
            left[own] = left.get(own, Decimal(0)) + count
        return {own: ceil(count) for own, count in left.items() if count > 0 and own in goods}

    def needed(self) -> Counter[str]:
        """Pieces that are still to be sent, by item."""
        goods, found = self.goods(), Counter[str]()
        for own, count in self.left().items():
            found[goods[own]] += count
        return found

    def out(self) -> Counter[str]:
        """Pieces that the sale has taken out of stock, by item; of a closed one, those that the buyer keeps."""
        out = Counter[str]()
        if self.doc:
            goods, closed = self.goods(), self.doc["closed"]
            for own, count in () if closed else [line for package in self.doc["sent"] for line in package["lines"]]:
                out[goods[own]] += count
            for line in self.given_back():
                if line["external_id"] in goods and line["kept"] == bool(closed):
                    count = int(Decimal(line["quantity"]) - Decimal(line["unsent"]))
                    out[goods[line["external_id"]]] += count if closed else -count
        return out

    def there(self, item: str) -> int:
        """Pieces that the sale could take or block: on hand, and not blocked for others."""
        home = self.doc["draft"]["warehouse"]
        return free(self.db, item, home) + self.blocked_before[item] + self.out_before[item] - self.out()[item]

    def written_out(self) -> bool:
        return bool(self.doc["sent"]) and not self.left()

    def due(self) -> int:
        """What shall be paid in all."""
        return 0 if self.doc["closed"] else self.doc["draft"]["total"] - summed(self.doc["refunds"], "total")

    def paid(self) -> int:
        return summed(self.doc["payments"], "amount")

    def paid_by(self) -> Counter[str]:
        """What each method has paid, less what it returned; the last that paid first."""
        found = Counter[str]()
        for payment in reversed(self.doc["payments"]):
            found[payment["method"]] += payment["amount"]
        return found

    def document_number(self) -> str:
        return self.doc["documents"][0]["number"] if self.doc["documents"] and not self.doc["closed"] else ""

    def view(self) -> Json:
        """The sale as chansync is told of it."""
        doc, draft, is_reversed = self.doc, self.doc["draft"], self.doc["closed"] == "reversed"
        is_out, packages = self.written_out() and not is_reversed, [each for each in doc["sent"] if each["number"]]
        as_drafted = (
            "pos", "warehouse", "payment_method", "delivery_method", "document_type", "tax_transaction", "note",
            "order_number", "billing", "delivery", "lines",
        )  # fmt: skip
        return {name: draft[name] for name in as_drafted} | {
            "key": self.key, "ref": doc["ref"], "number": doc["number"], "recorded_at": doc["recorded_at"],
            "customer": draft["customer"]["name"], "account": "Bank", "cancel_reason": doc["cancel_reason"],
            "payments": draft.get("payments") or [], "tax_numbers": draft.get("tax_numbers") or {},
            "refunds": [
                {"key": each["key"], "total": each["total"], "lines": [
                    {name: line[name] for name in ("external_id", "quantity", "net", "tax")} for line in each["lines"]
                ]} for each in doc["refunds"]
            ],
            "blocked": sorted(doc["blocked"].items()), "nameless": self.nameless(), "packages": packages,
            "shipment": {name: doc["sent"][-1][name] for name in ("carrier", "tracking", "at")} if is_out else None,
            "state": {
                "currency": draft["currency"], "total": draft["total"], "blocked": bool(doc["blocked"]),
                "requested": bool(doc["requested"]), "documented": summed(doc["documents"], "total"),
                "document_number": self.document_number(), "paid": self.paid(), "unpaid": self.due() - self.paid(),
                "refunded": summed(doc["refunds"], "total"), "written_out": is_out,
                "partly_written_out": bool(doc["sent"]) and not is_out and not is_reversed,
                "cancelled": doc["closed"] == "cancelled", "reversed": is_reversed,
            },
        }  # fmt: skip

    # What the steps have in common

    def nameless(self) -> list[str]:
        """The addresses that have neither a name nor a street."""
        parts, draft = ("first_name", "last_name", "company", "line_1"), self.doc["draft"]
        return [name for name in ("billing", "delivery") if not any(draft[name].get(part) for part in parts)]

    def refuse_closed(self) -> None:
        if self.doc["closed"]:
            raise Refused(f"The sale {self.doc['number']} is {self.doc['closed']}.")

    def knows(self, code: str, *kinds: str) -> bool:
        return any(kind in kinds for (kind,) in self.db.execute("SELECT kind FROM reference WHERE code = ?", (code,)))

    def next(self, series: str) -> int:
        sql = "INSERT INTO setting VALUES (?, 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
        return int(self.db.execute(sql, (f"last {series}",)).fetchone()[0])

    def document(self, kind: str, amount: int) -> None:
        """An invoice, or a credit below zero, with the next number of its series."""
        series = f"{self.doc['draft']['pos']}/{kind}"
        self.doc["documents"].append({"number": f"{series}/{self.next(series)}", "total": amount})

    def book(self, method: str, amount: int, transaction_id: str = "", paid_on: str = "") -> None:
        if amount:
            told = {"transaction_id": transaction_id, "paid_on": paid_on, "at": now()}
            self.doc["payments"].append({"method": method, "amount": amount} | told)

    def refund_of(self, key: str) -> Json | None:
        return next((refund for refund in self.doc["refunds"] if refund["key"] == key), None)


def free(db: sqlite3.Connection, item: str, warehouse: str) -> int:
    """Pieces on hand that are not blocked."""
    sql = "SELECT pieces - blocked FROM stock WHERE item = ? AND warehouse = ?"
    return int((db.execute(sql, (item, warehouse)).fetchone() or (0,))[0])


def now() -> int:
    """UTC milliseconds."""
    return time.time_ns() // 1_000_000


def summed(rows: list[Json], name: str) -> int:
    return sum(row[name] for row in rows)


def named(pieces: dict[str, int]) -> str:
    return ", ".join(f"{count} of {what}" for what, count in pieces.items()) or "nothing"


def travels(step: Json) -> Json:
    return {"carrier": step.get("carrier", ""), "tracking": step.get("tracking", "")}
