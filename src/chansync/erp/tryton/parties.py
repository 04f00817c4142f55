"""The customers of sales: parties of Tryton that match, else new ones; and their addresses.

A customer is looked for by tax numbers (identifiers), then by phone and e-mail (contact mechanisms) as the draft
allows. One whom nothing of that could find again is given the sale's key as an identifier: it is found by that when
the batch is repeated. Two clients must not record sales at once, or both make the same new customer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chansync.erp.tryton.company import Company
from chansync.erp.tryton.failures import Refusal
from chansync.erp.tryton.records import Tryton
from chansync.erp.tryton.rpc import Row
from chansync.model.identity import Party, is_another, is_another_company, names_agree
from chansync.model.order import Address, TaxNumbers
from chansync.model.sale import SaleDraft
from chansync.model.tax_numbers import read_number

#: What of an address says that it is the same.
_ADDRESS = ("party_name", "attn", "street_unstructured", "postal_code", "city", "country")

_PHONES = ("phone", "mobile", "other")

AddressKey = tuple[int, tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys: the party, and its addresses.

    Attributes:
        warnings: where another party matches too.
    """

    party: int
    billing: int
    delivery: int
    is_new: bool
    warnings: tuple[str, ...] = ()


@dataclass(slots=True)
class _Candidate:
    """A party that a draft may belong to: one of Tryton, or one that is made of the first draft of it in the batch.

    Attributes:
        marks: what it is found by.
        id: in Tryton; 0: it is still to be made.
    """

    party: Party
    marks: set[str]
    id: int = 0


async def buyers_of(tryton: Tryton, drafts: Sequence[SaleDraft]) -> dict[str, Buyer]:
    """Sale key → its buyer; who is not there yet is made.

    Raises:
        Refusal: Tryton refuses one of them; which is not said.
    """
    known = await _candidates(tryton, drafts)
    new: list[tuple[SaleDraft, _Candidate]] = []
    found = {draft.key: _match(draft, known) or [_among_new(draft, new)] for draft in drafts}
    ids = await _create(tryton, [draft for draft, _ in new])
    for (draft, each), own in zip(new, ids, strict=True):
        each.id, each.marks = own, {*_numbers(draft)}
    await _add_numbers(tryton, [(draft, found[draft.key][0]) for draft in drafts], ids)
    addresses = await _addresses(tryton, [(draft, found[draft.key][0].id) for draft in drafts], ids)
    made = {draft.key for draft, _ in new}
    return {key: Buyer(those[0].id, *addresses[key], key in made, _ambiguous(those)) for key, those in found.items()}


async def address(tryton: Tryton, party: int, address: Address) -> int:
    """The party's address like that one, added where it has none."""
    values = _address_values(tryton.company, address) | {"party": party}
    key = _address_key(party, values)
    return (await _address_ids(tryton, {key: values}, {party}))[key]


def _address_values(company: Company, address: Address) -> dict[str, Any]:
    """An address as Tryton has it: the company above, the person as who receives it."""
    person = " ".join(filter(None, (address.first_name, address.last_name)))
    city = ", ".join(filter(None, (address.city, address.state)))
    country = company.countries.get(address.country.upper())
    if address.country and country is None:
        city = " ".join(filter(None, (city, address.country)))
    return {
        "party_name": address.company or person or None,
        "attn": person if address.company and person else None,
        "street_unstructured": "\n".join(filter(None, (address.line_1, address.line_2))) or None,
        "postal_code": address.postcode or None,
        "city": city or None,
        "country": country,
    }


async def _candidates(tryton: Tryton, drafts: Sequence[SaleDraft]) -> list[_Candidate]:
    """The parties that share a mark with one of the drafts, the oldest first."""
    numbers = sorted({mark for draft in drafts for mark in (*_numbers(draft), draft.key)})
    contacts = sorted({mark for draft in drafts for mark in _contacts(draft)})
    marks: dict[int, set[str]] = {}
    for row in await tryton.rpc.search_read("party.identifier", [["code", "in", numbers]], ["code", "party"]):
        marks.setdefault(row["party"], set()).add(row["code"])
    if contacts:
        domain = [["type", "in", [*_PHONES, "email"]], ["value_compact", "in", contacts]]
        for row in await tryton.rpc.search_read("party.contact_mechanism", domain, ["value_compact", "party"]):
            marks.setdefault(row["party"], set()).add(row["value_compact"].casefold())
    if not marks:
        return []
    rows = await tryton.rpc.read("party.party", sorted(marks), ["name"])
    numbered = await tryton.rpc.search_read(
        "party.identifier", [["party", "in", sorted(marks)]], ["code", "type", "party"]
    )
    companies = await tryton.rpc.search_read(
        "party.address", [["party", "in", sorted(marks)], ["attn", "!=", None]], ["party"]
    )
    of_companies = {row["party"] for row in companies}
    found: list[_Candidate] = []
    for row in rows:
        own, name = [each for each in numbered if each["party"] == row["id"]], row["name"] or ""
        # Of its other numbers Tryton does not say of which kind they are.
        vat = next((each["code"] for each in own if each["type"] == "eu_vat"), "")
        party = Party(name, name if row["id"] in of_companies else "", TaxNumbers(vat=vat))
        found.append(_Candidate(party, marks[row["id"]] | {each["code"] for each in own}, row["id"]))
    return found


async def _create(tryton: Tryton, drafts: Sequence[SaleDraft]) -> list[int]:
    if not drafts:
        return []
    try:
        return await tryton.rpc.create("party.party", [_party(tryton.company, draft) for draft in drafts])
    except Refusal:
        if len(drafts) > 1:
            return [own for draft in drafts for own in await _create(tryton, [draft])]
        # Tryton checks phones, e-mail addresses and VAT numbers by rules of its own: what it does not take is kept
        # as plain text.
        return await tryton.rpc.create("party.party", [_party(tryton.company, drafts[0], plain=True)])


async def _add_numbers(tryton: Tryton, drafts: Sequence[tuple[SaleDraft, _Candidate]], new: Collection[int]) -> None:
    """Give parties the numbers of their drafts that they lack, so that the next order is found by them too.

    A company that was found by its number is not given the personal number of whoever bought for it.
    """
    rows: list[dict[str, Any]] = []
    for draft, each in drafts:
        customer = draft.customer
        agree = each.id not in new and names_agree(each.party.name, customer.name)
        for number in _numbers(draft):
            if number not in each.marks and (agree or number != customer.tax_numbers.personal):
                each.marks.add(number)
                rows.append({"party": each.id, "type": None, "code": number})
    if rows:
        await tryton.rpc.create("party.identifier", rows)


def _party(company: Company, draft: SaleDraft, *, plain: bool = False) -> dict[str, Any]:
    customer, numbers = draft.customer, draft.customer.tax_numbers
    contacts = [
        {"type": "other" if plain else kind, "value": value}
        for kind, value in (("phone", customer.phone), ("email", customer.email))
        if value
    ]
    vat_type = "eu_vat" if not plain and numbers.vat[:2].upper() in _EU else None
    identifiers: list[dict[str, Any]] = [{"type": vat_type, "code": numbers.vat}] if numbers.vat else []
    identifiers += [{"type": None, "code": code} for code in (numbers.uic, numbers.personal) if code]
    if not _numbers(draft) and not _contacts(draft):
        identifiers.append({"type": None, "code": draft.key})
    values: dict[str, Any] = {"name": customer.name, "addresses": []}
    if contacts:
        values["contact_mechanisms"] = [["create", contacts]]
    if identifiers:
        values["identifiers"] = [["create", identifiers]]
    category = company.categories.get(customer.customer_type)
    if category:
        values["categories"] = [["add", [category]]]
    rule = company.tax_rules.get(draft.tax_transaction)
    if rule:
        values["customer_tax_rule"] = rule
    return values


async def _addresses(
    tryton: Tryton, drafts: Sequence[tuple[SaleDraft, int]], new: Collection[int]
) -> dict[str, tuple[int, int]]:
    """Sale key → ids of billing and delivery address; new parties have none yet."""
    wanted: dict[str, tuple[AddressKey, AddressKey]] = {}
    values: dict[AddressKey, dict[str, Any]] = {}
    for draft, party in drafts:
        keys = []
        for address, usage in ((draft.billing, "invoice"), (draft.delivery, "delivery")):
            told = address if address.line_1 or address.city or address.name else draft.billing
            own = _address_values(tryton.company, told)
            keys.append(_address_key(party, own))
            values.setdefault(keys[-1], own | {"party": party})[usage] = True
        wanted[draft.key] = (keys[0], keys[1])
    known = await _address_ids(tryton, values, {party for _, party in drafts} - {*new})
    return {key: (known[billing], known[delivery]) for key, (billing, delivery) in wanted.items()}


async def _address_ids(
    tryton: Tryton, values: Mapping[AddressKey, dict[str, Any]], parties: Collection[int]
) -> dict[AddressKey, int]:
    """The ids of addresses, made where they are not among those of the parties."""
    known: dict[AddressKey, int] = {}
    if parties:
        domain = [["party", "in", sorted(parties)]]
        for row in await tryton.rpc.search_read("party.address", domain, ["party", *_ADDRESS]):
            known.setdefault(_address_key(row["party"], row), row["id"])
    if missing := [key for key in values if key not in known]:
        ids = await tryton.rpc.create("party.address", [values[key] for key in missing])
        known |= zip(missing, ids, strict=True)
    return known


_EU = frozenset("AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split())


def _numbers(draft: SaleDraft) -> list[str]:
    """The tax numbers that the customer is looked for by, company numbers first."""
    numbers = draft.customer.tax_numbers
    return [number for number in dict.fromkeys((numbers.uic, numbers.vat, numbers.personal)) if number]


def _contacts(draft: SaleDraft) -> list[str]:
    """The phone and the e-mail address that the customer may be looked for by."""
    customer = draft.customer
    phone = customer.phone if draft.match_phone else ""
    return [mark for mark in (phone, customer.email if draft.match_email else "") if mark]


def _own(draft: SaleDraft) -> Party:
    customer = draft.customer
    name = customer.name if customer.address.name else ""
    return Party(name, customer.address.company, customer.keys)


def _match(draft: SaleDraft, known: Sequence[_Candidate]) -> list[_Candidate]:
    """The parties that the draft belongs to by the strongest mark that any shares, the oldest first."""
    own, numbers = _own(draft), draft.customer.tax_numbers
    for mark in (*_numbers(draft), *_contacts(draft)):
        is_number = mark in (numbers.uic, numbers.vat)
        found = [each for each in known if mark in each.marks and not _contradicts(own, draft, each, is_number)]
        if found:
            return found
    return [each for each in known if draft.key in each.marks][:1]


def _contradicts(own: Party, draft: SaleDraft, known: _Candidate, is_company_number: bool) -> bool:
    keys, numbers = draft.customer.keys, draft.customer.tax_numbers
    vat = known.party.keys.vat
    shared = TaxNumbers(
        uic=keys.uic if numbers.uic in known.marks else "",
        vat=keys.vat if numbers.vat in known.marks else read_number("vat", vat, ()).key,
        personal=keys.personal if numbers.personal in known.marks else "",
    )
    other = Party(known.party.name, known.party.company, shared)
    return is_another_company(own, other) if is_company_number else is_another(own, other)


def _ambiguous(found: Sequence[_Candidate]) -> tuple[str, ...]:
    if len(found) < 2:
        return ()
    first, second = found[0], found[1]
    return (
        f"The parties {first.party.name} ({first.id}) and {second.party.name} ({second.id}) in Tryton both match: the "
        "older was taken. If they are one, merge them in Tryton (Party, Replace).",
    )


def _among_new(draft: SaleDraft, new: list[tuple[SaleDraft, _Candidate]]) -> _Candidate:
    """The new party of the batch that the draft belongs to, added where there is none."""
    own, marks = _own(draft), {*_numbers(draft), *_contacts(draft)}
    for _, each in new:
        if marks & each.marks and not is_another(own, each.party):
            each.marks |= marks
            return each
    new.append((draft, _Candidate(own, marks or {draft.key})))
    return new[-1][1]


def _address_key(party: int, values: Row) -> AddressKey:
    return party, tuple(values[name] or None for name in _ADDRESS)
