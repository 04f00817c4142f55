"""What is said of an order whose buyer typed a tax number that is none."""

from __future__ import annotations

import apsw

from chansync.model.identity import countries_of
from chansync.model.order import Order
from chansync.model.tax_numbers import TITLES, read_numbers
from chansync.secrets.redaction import scrub
from chansync.store import messages

CODE = "tax_number_invalid"


def warn_of_tax_numbers(
    db: apsw.Connection, channel_id: int, channel_code: str, order: Order, order_id: int, run_id: int | None
) -> None:
    """Warn of every tax number of the order by which no customer can be found, once for each that was typed."""
    numbers = read_numbers(order.tax_numbers, countries_of(order))
    for kind, fault in numbers.faults.items():
        typed = getattr(numbers.kept, kind)
        # A person's number stands in the sale alone: the log is read, and sent, by more people.
        named = TITLES[kind] if kind == "personal" else f"{TITLES[kind]} “{typed}”"
        sentence = scrub(
            f"Order {order.number}: the {named} {fault}. The sale keeps it as typed, and no customer is found by it. "
            f"Ask the buyer and correct it on the site; then: chansync sync {channel_code} --order {order.external_id}"
        )
        said = "SELECT 1 FROM message WHERE order_id = ? AND code = ? AND sentence = ?"
        if db.execute(said, (order_id, CODE, sentence)).get is None:
            messages.log(
                db, CODE, sentence, channel_id=channel_id, order_id=order_id, order_number=order.number,
                run_id=run_id, data={"number": kind, "countries": list(countries_of(order))},
            )  # fmt: skip
