"""A WooCommerce order in chansync's own words.

Money: line totals are without tax, with ``total_tax`` beside them, whether or not the store's prices include it.
``subtotal`` is before and ``total`` after coupons, so coupon lines are not subtracted again. ``price`` is a float
that PHP made: it is not read. ``refunds[].total`` is negative there, and positive here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from typing import Any, NamedTuple

from chansync.model.errors import DataError
from chansync.model.money import is_currency, parse_amount
from chansync.model.order import (
    LARGEST_RAW,
    Address,
    ChargeLine,
    Order,
    OrderLine,
    Refund,
    RefundLine,
    TaxNumbers,
    UnreadableOrder,
    raw_text,
)  # fmt: skip
from chansync.model.times import from_ms
from chansync.platforms.json_values import (
    LONGEST_TEXT,
    day,
    identifier,
    lines,
    listed,
    moment_or_none,
    objects,
    text,
    title,
)
from chansync.platforms.woocommerce.credit import with_credit

# The names under which plugins keep a customer's numbers in ``meta_data``; compared without regard to case and to
# underscores at the beginning.
VAT_NUMBER_KEYS = (
    "billing_vat_number billing_eu_vat_number billing_vat billing_vat_id billing_vatid billing_vat_no billing_eu_vat "
    "billing_tax_number vat_number eu_vat_number vat_id vat_no wc_billing/vat_number billing_dds billing_zdds"
).split()
UIC_KEYS = (
    "billing_eik billing_uic billing_bulstat billing_company_number billing_company_id billing_company_eik "
    "billing_registration_number company_eik company_uic company_number eik uic bulstat"
).split()
PERSONAL_NUMBER_KEYS = "billing_egn billing_personal_number billing_personal_id egn personal_number".split()

_CENT = Decimal("0.01")
#: Longer texts are not kept: few of them are amounts.
_LONGEST_KNOWN = 26
_ADDRESS = "first_name last_name company address_1 address_2 city state postcode country email phone".split()
# Statuses in which nothing is to be delivered any more, and those before the checkout is paid.
_FINISHED = frozenset({"completed", "cancelled", "refunded", "failed", "trash"})
_UNPAID = frozenset({"pending", "checkout-draft"})
# The status of an order whose money was given back; the store puts its goods back as far as it is told to.
_REFUNDED = "refunded"
# Statuses in which the shop's part is done, and all that WooCommerce has by itself.
_DONE = frozenset({"completed", "refunded"})
_KNOWN = _FINISHED | _UNPAID | {"processing", "on-hold"}
# Entries of a line's ``meta_data``: how many of its pieces refunds have put back, and how many left the stock.
_RESTOCKED, _REDUCED = "_restock_refunded_items", "_reduced_stock"
# Separates the parts of what the digest covers: control characters are removed from all of them.
_PART, _ROW = "\x1f", "\x1e"


class OrderReader:
    """Reads orders of one store.

    Args:
        offset_hours: hours that the store's clock is ahead of UTC, for orders without UTC times.
        vat, uic, personal: more names of ``meta_data`` entries that hold the customer's numbers.
    """

    def __init__(
        self,
        offset_hours: float = 0.0,
        vat: Iterable[str] = (),
        uic: Iterable[str] = (),
        personal: Iterable[str] = (),
    ) -> None:
        self._offset_ms = int(offset_hours * 3_600_000)
        usual = (VAT_NUMBER_KEYS, UIC_KEYS, PERSONAL_NUMBER_KEYS)
        # What a channel lists itself wins over the usual names.
        self._kinds = {_key(name): kind for kind, names in enumerate(usual) for name in names}
        self._kinds |= {_key(name): kind for kind, names in enumerate((vat, uic, personal)) for name in names}

    def read(self, raw: Any) -> Order | UnreadableOrder:
        """The order, or what makes it unreadable; never an error."""
        if not isinstance(raw, dict):
            return UnreadableOrder("", "", 0, f"something that is no order stands in its place: {raw!r:.60}")
        external_id = identifier(raw.get("id"))
        number = text(raw.get("number")) or external_id
        modified = self._either(raw, "date_modified")
        try:
            if not external_id:
                raise DataError(f"it has no id: {raw.get('id')!r:.60}")
            return self._order(raw, external_id, number, modified)
        except DataError as error:
            return UnreadableOrder(external_id, number, modified or 0, f"{error}.", raw)

    def _either(self, raw: dict[str, Any], name: str) -> int | None:
        """A time from its UTC field or else from the one in the store's time; None where neither is a time."""
        found = moment_or_none(raw.get(f"{name}_gmt"))
        return moment_or_none(raw.get(name), self._offset_ms) if found is None else found

    def _order(self, raw: dict[str, Any], external_id: str, number: str, modified: int | None) -> Order:
        placed_at = self._either(raw, "date_created")
        if placed_at is None:
            raise DataError(f"it has no time at which it was placed: {raw.get('date_created_gmt')!r:.60}")
        status = text(raw.get("status")).removeprefix("wc-")
        if not status:
            raise DataError(f"it has no status: {raw.get('status')!r:.60}")
        currency = text(raw.get("currency")).upper()
        if currency and not is_currency(currency):
            raise DataError(f"its currency is none: {currency!r:.60}")
        if raw.get("total") in (None, ""):
            raise DataError("it states no total")
        shipping = listed(raw.get("shipping_lines"), "its shipping lines")
        first = shipping[0] if shipping else {}
        rates = _rates(raw.get("tax_lines"))
        order = Order(
            external_id=external_id,
            number=number,
            status=status,
            placed_at=placed_at,
            placed_on=day(raw.get("date_created")) or from_ms(placed_at + self._offset_ms).date(),
            modified_at=placed_at if modified is None else modified,
            currency=currency,
            total=_exact(raw["total"], "its total"),
            total_tax=_exact(raw.get("total_tax"), "its tax"),
            billing=_address(raw.get("billing")),
            delivery=_address(raw.get("shipping")),
            tax_numbers=self._tax_numbers(raw.get("meta_data")),
            payment_code=text(raw.get("payment_method")),
            payment_title=title(raw.get("payment_method_title")),
            delivery_code=_method(first),
            delivery_title=title(first.get("method_title")),
            note=lines(raw.get("customer_note")),
            lines=[_line(row, status, rates) for row in listed(raw.get("line_items"), "its lines")],
            shipping=[_charge(row, title(row.get("method_title")), _method(row), rates) for row in shipping],
            fees=[_charge(row, title(row.get("name")), "", rates) for row in listed(raw.get("fee_lines"), "its fees")],
            refunds=sorted(
                [_refund(row) for row in listed(raw.get("refunds"), "its refunds")],
                # WooCommerce gives what was made in one second in changing order.
                key=lambda each: (int(each.external_id or 0), each.external_id),
            ),
            rate_ids=tuple(rates),
            transaction_id=text(raw.get("transaction_id")),
            paid_on=day(raw.get("date_paid")),
            raw=raw,
            site_key=text(raw.get("order_key")),
            refunded=status == _REFUNDED,
            done=status in _DONE if status in _KNOWN else None,
        )
        order = with_credit(order, raw)
        content = _content(order)
        if len(content) > LARGEST_RAW:
            raise DataError(f"its fields hold {len(content) // 1024} KB of text, and more than 256 KB are not read")
        order.digest = _digest(content)
        return order

    def _tax_numbers(self, meta: Any) -> TaxNumbers:
        found = ["", "", ""]
        for entry in objects(meta):
            name = entry.get("key")
            kind = self._kinds.get(_key(name)) if isinstance(name, str) else None
            if kind is not None and not found[kind]:
                found[kind] = text(entry.get("value"))
        vat, uic, personal = found
        return TaxNumbers(uic=uic, vat=vat, personal=personal)


def without_large(order: Order | UnreadableOrder) -> Order | UnreadableOrder:
    """The order, without the store's data where they are too large to be kept: many of them would fill the memory."""
    if raw_text(order) is None:
        order.raw = {}
    return order


def _key(name: str) -> str:
    return name.strip().lower().lstrip("_")


def _address(raw: Any) -> Address:
    if not isinstance(raw, dict):
        return Address()
    values: list[Any] = [raw.get(name) for name in _ADDRESS]
    try:
        whole = "".join(values)
    except TypeError:
        return Address(*map(text, values))
    if len(whole) > LONGEST_TEXT or "&" in whole or not whole.isprintable():
        return Address(*map(text, values))
    # Most addresses have nothing in them that is to be cleaned.
    return Address(*map(str.strip, values))


def _exact(value: Any, what: str) -> Decimal:
    """The amount, without the zeros that a store writes after its decimals (``EXACT``)."""
    # An order has some twenty amounts, and most of them are of a few: each is read once.
    if type(value) is int or (type(value) is str and len(value) <= _LONGEST_KNOWN):
        known = _known(value)
        if known is not None:
            return known
    return _shortened(parse_amount(value, what))


@lru_cache(maxsize=4096)
def _known(value: str | int) -> Decimal | None:
    """The amount; None where it is none, which whoever asks says in its own words."""
    try:
        return _shortened(parse_amount(value, ""))
    except DataError:
        return None


def _shortened(amount: Decimal) -> Decimal:
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or exponent >= -2:
        return amount
    short = amount.normalize()
    return amount.quantize(_CENT) if short == short.quantize(_CENT) else short


class _TaxRate(NamedTuple):
    """A tax rate of an order: percent of the net amount, or of that and its other taxes where it is ``compound``."""

    percent: Decimal
    compound: bool


def _rates(tax_lines: Any) -> dict[str, _TaxRate]:
    """The order's tax rates by their ids, the one with the most tax first."""
    found: list[tuple[Decimal, str, _TaxRate]] = []
    for row in listed(tax_lines, "its taxes"):
        own, percent = identifier(row.get("rate_id")), row.get("rate_percent")
        if own and percent not in (None, ""):
            tax = _exact(row.get("tax_total"), "its tax") + _exact(row.get("shipping_tax_total"), "its tax")
            found.append((tax, own, _TaxRate(_exact(percent, "a tax rate"), row.get("compound") is True)))
    return {own: rate for _, own, rate in sorted(found, key=lambda each: -abs(each[0]))}


def _rate(row: dict[str, Any], net: Decimal, tax: Decimal, rates: dict[str, _TaxRate]) -> Decimal | None:
    """The rate of a line in percent; None where the store does not say it.

    Several taxes are charged on the whole amount, each, or each on a part of it, as shipping is by the goods that it
    carries: then the tax is none of more than the highest rate, and the line has no single rate.
    """
    named = [
        entry["id"]
        for entry in listed(row.get("taxes"), "a line's taxes")
        if entry.get("id") and _exact(entry.get("total"), "a line's tax")
    ]
    known = [rates[own] for own in map(identifier, named) if own in rates]
    if known and len(known) == len(named):
        if len(known) > 1 and abs(tax) * 100 <= abs(net) * max(rate.percent for rate in known):
            return None
        percent = Decimal(0)
        for rate in sorted(known, key=lambda each: each.compound):
            percent += rate.percent * (1 + percent / 100 if rate.compound else 1)
        return percent
    return next(iter(rates.values())).percent if tax and len(rates) == 1 and not named else None


def _line(row: dict[str, Any], status: str, rates: dict[str, _TaxRate]) -> OrderLine:
    get = row.get
    total = _exact(get("total"), "a line's total")
    subtotal = get("subtotal")
    quantity = _exact(get("quantity"), "a line's quantity")
    tax = _exact(get("total_tax"), "a line's tax")
    variation = identifier(get("variation_id"))
    stock = _stock(get("meta_data"))
    return OrderLine(
        external_id=identifier(get("id")),
        name=title(get("name")),
        sku=text(get("sku")),
        gtin=text(get("global_unique_id")),
        item_code=variation or identifier(get("product_id")),
        quantity=quantity,
        subtotal=total if subtotal in (None, "") else _exact(subtotal, "a line's subtotal"),
        total=total,
        tax=tax,
        restocked=_restocked(stock, quantity),
        rate=_rate(row, total, tax, rates),
        tax_class="" if get("tax_class") == "standard" else text(get("tax_class")),
        held=_held(stock, quantity, status),
        is_variation=bool(variation),
    )


def _held(stock: Mapping[str, Decimal | None], quantity: Decimal, status: str) -> Decimal:
    """How many pieces the store has taken from its stock for an order that is still to be delivered.

    Of a store that keeps no stock they are all pieces. An order that waits for the checkout's payment has none taken:
    the store reserves them for it beside its stock.
    """
    if status in _FINISHED:
        return Decimal(0)
    taken = stock.get(_REDUCED)
    if taken is not None:
        return taken
    return Decimal(0) if status in _UNPAID else quantity


def _restocked(stock: Mapping[str, Decimal | None], quantity: Decimal) -> Decimal | None:
    """How many pieces went back into stock; None where the store does not say.

    WooCommerce keeps in ``_restock_refunded_items`` how many pieces of a line refunds have put back, and in
    ``_reduced_stock`` how many it took from stock, less those. A line that has neither is of an item without stock.
    """
    refunded, reduced = stock.get(_RESTOCKED), stock.get(_REDUCED)
    if refunded is None and reduced is None:
        return None
    return max(quantity - (reduced or 0) if refunded is None else refunded, Decimal(0))


def _stock(meta: Any) -> dict[str, Decimal | None]:
    """What a line's ``meta_data`` say of the stock, by key; None where it is no number. The first of a key counts."""
    found: dict[str, Decimal | None] = {}
    for entry in objects(meta):
        key = entry.get("key")
        if key in (_RESTOCKED, _REDUCED) and key not in found:
            try:
                found[key] = _exact(entry.get("value"), "a line's stock")
            except DataError:
                found[key] = None
    return found


def _charge(row: dict[str, Any], name: str, code: str, rates: dict[str, _TaxRate]) -> ChargeLine:
    total = _exact(row.get("total"), f"the charge {name!r:.40}")
    tax = _exact(row.get("total_tax"), f"the tax of {name!r:.40}")
    return ChargeLine(
        external_id=identifier(row.get("id")),
        name=name,
        code=code,
        total=total,
        tax=tax,
        rate=_rate(row, total, tax, rates),
    )


def _method(row: dict[str, Any]) -> str:
    """``flat_rate:3``, as the lookup of delivery methods knows it; older stores write it into ``method_id``."""
    method, instance = text(row.get("method_id")), identifier(row.get("instance_id"))
    return f"{method}:{instance}" if method and instance and ":" not in method else method


def _refund(row: dict[str, Any]) -> Refund:
    total = _exact(row.get("total"), "a refund's total")
    return Refund(external_id=identifier(row.get("id")), total=abs(total), reason=text(row.get("reason")))


def summary(row: dict[str, Any]) -> tuple[Decimal | None, tuple[Refund, ...] | None]:
    """An order's total and its refunds as its own data tell them; None where they tell none, or nonsense."""
    try:
        total = None if row.get("total") in (None, "") else _exact(row["total"], "its total")
        refunds = tuple(map(_refund, listed(row["refunds"], "its refunds"))) if "refunds" in row else None
    except DataError:
        return None, None
    return total, refunds


def read_refund(row: Any) -> Refund | None:
    """A refund with its lines, from ``orders/<id>/refunds``; None where it is no refund.

    Raises:
        DataError: an amount in it is none.
    """
    if not isinstance(row, dict) or not identifier(row.get("id")):
        return None
    found = []
    for kind, name in (("item", "line_items"), ("shipping", "shipping_lines"), ("fee", "fee_lines")):
        found += [_refund_line(kind, entry) for entry in listed(row.get(name), "a refund's lines")]
    amount = row.get("amount")
    total = _exact(row.get("total") if amount in (None, "") else amount, "a refund's amount")
    return Refund(identifier(row.get("id")), abs(total), text(row.get("reason")), found, abs(total))


def _refund_line(kind: str, row: dict[str, Any]) -> RefundLine:
    metas = objects(row.get("meta_data"))
    line = next((entry.get("value") for entry in metas if entry.get("key") == "_refunded_item_id"), None)
    return RefundLine(
        kind=kind,
        line=identifier(line),
        quantity=abs(_exact(row.get("quantity"), "a refund's quantity")),
        total=abs(_exact(row.get("total"), "a refund's line")),
        tax=abs(_exact(row.get("total_tax"), "a refund's tax")),
    )


def digest(order: Order) -> str:
    """A fingerprint of everything that matters to a sale or its status; not of when it was last touched."""
    return _digest(_content(order))


def _digest(content: str) -> str:
    return blake2b(content.encode(), digest_size=16).hexdigest()


def _content(order: Order) -> str:
    parts = [
        f"1{_PART}{order.external_id}{_PART}{order.number}{_PART}{order.status}{_PART}{order.placed_at}",
        f"{order.placed_on}{_PART}{order.currency}{_PART}{_amount(order.total)}{_PART}{_amount(order.total_tax)}",
        _address_text(order.billing),
        _address_text(order.delivery),
        f"{order.tax_numbers.uic}{_PART}{order.tax_numbers.vat}{_PART}{order.tax_numbers.personal}",
        f"{order.payment_code}{_PART}{order.payment_title}{_PART}{order.delivery_code}{_PART}{order.delivery_title}",
        f"{order.note}{_PART}{order.site_key}",
    ]
    parts += [
        f"line{_PART}{line.external_id}{_PART}{line.name}{_PART}{line.sku}{_PART}{line.gtin}{_PART}{line.item_code}"
        f"{_PART}{_amount(line.quantity)}{_PART}{_amount(line.subtotal)}{_PART}{_amount(line.total)}"
        f"{_PART}{_amount(line.tax)}"
        for line in order.lines
    ]
    for kind, charges in (("shipping", order.shipping), ("fee", order.fees)):
        parts += [
            f"{kind}{_PART}{charge.external_id}{_PART}{charge.name}{_PART}{charge.code}{_PART}{_amount(charge.total)}"
            f"{_PART}{_amount(charge.tax)}"
            for charge in charges
        ]
    parts += [f"paid{_PART}{part.code}{_PART}{_amount(part.amount)}" for part in order.part_payments]
    parts += [f"refund{_PART}{refund.external_id}{_PART}{_amount(refund.total)}" for refund in order.refunds]
    return _ROW.join(parts)


def _address_text(address: Address) -> str:
    return _PART.join(_fields(address))


_fields = attrgetter(*Address.__slots__)


def _amount(amount: Decimal) -> str:
    # 4.9 and 4.90 are the same amount: the number of decimals is a setting of the store.
    return str(amount.normalize())
