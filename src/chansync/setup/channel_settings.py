"""Configuring channels and mappings: the logic that the form and the commands share. It never prints.

Integration systems are configured by ``chansync.setup.systems``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import apsw

from chansync.db.connection import Store
from chansync.db.transaction import transaction
from chansync.erp import registry as erps
from chansync.erp.abilities import refused_parameters
from chansync.model.address import may_go, parse_address
from chansync.model.channel import (
    Channel,
    Choices,
    FieldError,
    IntegrationSystem,
    impossible,
    left_behind,
    unknown_field,
    validate,
)
from chansync.model.channel_parameters import BY_NAME, PARAMETERS, default_values
from chansync.model.errors import UsageError
from chansync.model.parameter import applies
from chansync.model.parameter_types import Reference, References, Text
from chansync.orders.items import NOTHING
from chansync.orders.settings import erp_codes
from chansync.platforms import registry
from chansync.platforms.protocol import Capability
from chansync.setup import sealed_places, typed_fields
from chansync.setup.typed_fields import InvalidFields
from chansync.store import channels, mappings, systems, webhooks

#: A change of one of these means another site or another key: what the connector learned is then forgotten.
SITE_FIELDS = frozenset({"store_domain", "consumer_key", "consumer_secret"})

#: What each mapping table maps to in the ERP.
MAPPING_TARGETS = {
    "payment": "payment-method",
    "delivery": "delivery-method",
    "item": "item",
    "tax": "tax-transaction",
}

# A tax mapping's code: a country or any (*), and where it matters whether the customer has a valid VAT number.
_TAX_CASE = re.compile(r"(([A-Z]{2}(/[^\s+/]{1,40})?|\*)([+-]vat|\+collected)?|rate:\S+)\Z")


def choices(db: apsw.Connection, channel: Channel | None) -> Choices:
    """What the channel's reference fields may name: codes of the ERP, of its site's lookups, and systems.

    Of an ERP of which nothing was read yet, everything is allowed: it is checked before each run. So is a value that
    the channel holds and its site lost: the lookups report it, and it must not stand in the way of other changes.
    """

    def known(source: str, kind: str) -> Sequence[str] | None:
        if source == "system":
            return [system.code for system in channels.systems(db)]
        if source == "erp":
            unknown = channel is not None and erps.is_unread(db, channel.values.get("pos"))
            return None if unknown else erp_codes(db, channel, kind)
        if source == "offered":
            return [code for code, _ in offered(db, channel, kind)] or None if channel else None
        return _lookup_codes(db, kind, channel)

    return known


def offered(db: apsw.Connection, channel: Channel, kind: str) -> list[tuple[str, str]]:
    """What the channel's system offers for a field (``Parameter.offered``), as code and title; none: any text goes."""
    return systems.lookups(db, channel.system.id, kind)


def _lookup_codes(db: apsw.Connection, kind: str, channel: Channel | None) -> list[str] | None:
    told = mappings.lookups(db, channel.id, kind) if channel else []
    if not channel or not told:
        return None
    held = {code for _, of, codes in named(channel, "lookup") if of == kind for code in codes}
    return [value.code for value in told if value.on_site or value.code in held]


def named(channel: Channel, source: str) -> Iterator[tuple[str, str, list[str]]]:
    """The channel's fields that refer to records of that source (``erp``, ``lookup``): the field, the kind of record,
    and the codes that it holds."""
    for parameter in PARAMETERS:
        kind = parameter.type
        if isinstance(kind, (Reference, References)) and kind.source == source:
            value = channel.values.get(parameter.name)
            yield parameter.name, kind.of, value if isinstance(value, list) else [value] if value else []


def capabilities(kind: str) -> frozenset[str]:
    """What a platform can do.

    Raises:
        UsageError: it is not installed.
    """
    return frozenset(map(str, registry.platform(kind).capabilities))


def beyond_platform(system: IntegrationSystem, values: Mapping[str, Any]) -> list[FieldError]:
    """What the values ask of the platform and it cannot do, or not without a field of the system; nothing where it is
    not installed."""
    if system.kind not in registry.kinds():
        return []
    platform, able = registry.platform(system.kind), capabilities(system.kind)
    found = impossible(values, able, getattr(platform, "fixed_values", {}))
    for name, needed in getattr(platform, "system_needs", {}).items():
        if values.get(name) and applies(BY_NAME[name], values, able) and not system.values.get(needed):
            label = next(each.label for each in platform.system_parameters if each.name == needed)
            sentence = f"needs the {label} of the system {system.code}: chansync system set {system.code} {needed}=…"
            found.append(FieldError(name, sentence))
    return found


def add_channel(store: Store, texts: Mapping[str, str]) -> Channel:
    """A new channel from typed texts by field; secrets come in clear and are sealed.

    Raises:
        InvalidFields: everything that is wrong.
        AlreadyExists: the code is taken.
    """
    values, clear, errors = parse(texts)
    values = default_values() | values
    db = store.db
    with transaction(db):
        if "code" in values and channels.is_taken(db, values["code"]):
            raise channels.taken(values["code"])
        errors += check_new(db, values, frozenset(clear), {error.name for error in errors})
        if errors:
            raise InvalidFields(in_form_order(errors))
        return channels.add_channel(
            db, values, sealed_places.seal(store, "channel", clear, sealed_places.channel_place(values))
        )


def check_new(
    db: apsw.Connection, values: dict[str, Any], secret_names: frozenset[str], known_wrong: set[str]
) -> list[FieldError]:
    """What would be wrong with a new channel, beside the fields that are known to be wrong."""
    draft = draft_channel(db, values)
    found = _check(db, draft, secret_names, choices(db, draft)) + _impossible(db, values)
    return [error for error in found if error.name not in known_wrong]


def _check(db: apsw.Connection, channel: Channel, secrets: frozenset[str], known: Choices) -> list[FieldError]:
    """What is wrong with a channel as it would be, whatever it is now."""
    able = capabilities(channel.system.kind) if channel.system.kind else frozenset()
    found = validate(channel.values, secrets, able, known) + beyond_platform(channel.system, channel.values)
    others = channels.all_channels(db) if channel["used"] else []
    return found + check_same_orders(channel, [other for other in others if other.id != channel.id])


def check_same_orders(channel: Channel, others: Iterable[Channel]) -> list[FieldError]:
    """The error if a used channel and another used one import orders of the same status from the same site, or from the
    same marketplace with keys of the same account: each order would become two sales."""
    if not channel["used"]:
        return []
    for other in others:
        if not other["used"] or other.code == channel.code or not _is_same_place(channel, other):
            continue
        both = [status for status in channel["order_statuses"] or () if status in (other["order_statuses"] or ())]
        if both:
            return [
                FieldError(
                    "order_statuses",
                    f"holds {', '.join(both)}: the channel {other.code} takes those orders of {other['store_domain']} "
                    "already, and each would become two sales. Leave them to one of the two, or set used=no on one",
                )
            ]
    return []


def _is_same_place(one: Channel, other: Channel) -> bool:
    if one.system.kind != other.system.kind or one.system.kind not in registry.kinds():
        return False
    platform = registry.platform(one.system.kind)
    if Capability.CHANNEL_CREDENTIALS in platform.capabilities:
        return not _sites(one).isdisjoint(_sites(other))
    if one["store_domain"] != other["store_domain"]:
        return False
    named = [parameter.name for parameter in platform.system_parameters if parameter.names_account]
    accounts = ([each.system.values.get(name) for name in named] for each in (one, other))
    mine, its = map(list, accounts)
    return one.system.code == other.system.code or any(value and value == its[at] for at, value in enumerate(mine))


def _sites(channel: Channel) -> set[str]:
    """Host and path of the site, as entered and as found when connecting; the scheme makes no difference."""
    found = set()
    for text in (channel["store_domain"], channel.facts.get("base")):
        try:
            address = parse_address(text if isinstance(text, str) else "")
        except UsageError:
            continue
        found.add(address.site.removeprefix("www."))
    return found


def _impossible(db: apsw.Connection, values: Mapping[str, Any]) -> list[FieldError]:
    """What the channel asks for and its ERP cannot do."""
    return [
        FieldError(name, f"is not possible there: {sentence.rstrip('.')}")
        for name, sentence in refused_parameters(db, values).items()
    ]


def draft_channel(db: apsw.Connection, values: dict[str, Any]) -> Channel:
    """A channel that is not stored yet; a system that does not exist has no kind."""
    code = values.get("integration_system") or ""
    system = next((each for each in channels.systems(db) if each.code == code), IntegrationSystem(0, code, "", ""))
    return Channel(0, system, values)


def change_channel(store: Store, code: str, texts: Mapping[str, str]) -> Channel:
    """Change the fields of a channel that are named in ``texts``, as ``Family.change`` does those of a system.

    Raises:
        InvalidFields: everything that is wrong with the channel as it would be.
        UsageError: there is no such channel, or a field is fixed after the first sync.
    """
    changes, clear, errors = parse(texts)
    db = store.db
    with transaction(db):
        current = channels.channel(db, code)
        errors += check_change(db, current, changes, frozenset(clear), {error.name for error in errors})
        if errors:
            raise InvalidFields(in_form_order(errors))
        changes = {
            name: value
            for name, value in changes.items()
            if value != current.values.get(name) or name in current.unreadable
        }
        merged = current.values | changes
        sealed = sealed_places.reseal(store, "channel", PARAMETERS, current, merged, clear)
        if not changes and not sealed:
            return current
        saved = channels.save_channel(db, current.id, changes, sealed)
        if site_changed(current, changes, sealed):
            channels.forget(db, current.id)
            saved.facts = {}
        if not may_go(sealed_places.channel_place(current.values), sealed_places.channel_place(merged)):
            webhooks.forget(db, current.id)
        return saved


def check_change(
    db: apsw.Connection,
    current: Channel,
    changes: Mapping[str, Any],
    new_secrets: frozenset[str],
    known_wrong: set[str],
) -> list[FieldError]:
    """What would be wrong with the channel after ``changes``, beside the fields that are known to be wrong."""
    merged = {**current.values, **changes}
    # A value that a wrong field keeps for now says nothing of what its user means.
    draft = replace(current, values=merged)
    if merged["integration_system"] != current.system.code:
        draft.system = draft_channel(db, merged).system
    found = _check(db, draft, current.secrets | new_secrets, _choices_after(db, current, draft))
    # A channel that has never connected may still have a typing mistake in its address.
    if current.connected_at is not None:
        found += left_behind(PARAMETERS, current.values, merged, current.secrets, new_secrets)
    # What was set before the ERP could not do it does not stand in the way of other changes of a channel at rest.
    asked = merged if draft["used"] or "pos" in changes else {**changes, "pos": merged.get("pos")}
    found += _impossible(db, asked)
    return [error for error in found if error.name not in known_wrong]


def _choices_after(db: apsw.Connection, current: Channel, draft: Channel) -> Choices:
    """ERP codes and what its system offers by what the channel will be (its new POS), lookups by what it is: a new
    value must be on the site. What a field holds already stays allowed."""
    before, after = choices(db, current), choices(db, draft)

    def known(source: str, kind: str) -> Sequence[str] | None:
        if source == "lookup":
            return before(source, kind)
        codes = after(source, kind)
        if source == "offered" and codes is not None:
            return [*codes, *(str(current.values.get(each.name)) for each in PARAMETERS if each.offered == kind)]
        return codes

    return known


def site_changed(current: Channel, changes: Mapping[str, Any], new_secrets: Collection[str]) -> bool:
    """Whether the channel now points to another site or signs with another key."""
    return not SITE_FIELDS.isdisjoint(new_secrets) or any(
        name in changes and changes[name] != current.values.get(name) for name in SITE_FIELDS
    )


def parse(texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str], list[FieldError]]:
    """Typed values, secrets in clear, and what is wrong, from typed texts by field."""
    return typed_fields.parse(BY_NAME, texts, unknown_field)


def in_form_order(errors: list[FieldError]) -> list[FieldError]:
    """The errors in the order of the form, fields that there are not at the end."""
    return typed_fields.in_order(BY_NAME, errors)


def map_method(db: apsw.Connection, channel: Channel, kind: str, site_code: str, target: str | None) -> bool:
    """Map a code of the site to the ERP's (None: unmap it); whether the table had it before.

    Raises:
        UsageError: the ERP has no such method at the channel's POS or no such item, or there is nothing to unmap.
    """
    site_code = check_site_code(kind, site_code)
    known = any(row.site_code == site_code for row in mappings.mappings(db, channel.id, kind))
    if target is None:
        if not known:
            raise UsageError(f"There is no {kind} {site_code!r:.60} in the table: chansync map {kind} {channel.code}")
    else:
        check_target(db, channel, kind, target)
    mappings.map_to(db, channel.id, kind, site_code, target)
    platform = registry.platform(channel.system.kind) if channel.system.kind in registry.kinds() else None
    paid = getattr(platform, "paid_statuses", {})
    if kind == "payment" and target and not known and site_code in paid:
        # A method that the shop does not offer (any more) was not among those of the first connection.
        mappings.propose_paid_statuses(db, channel.id, {site_code: paid[site_code]})
    return known


def set_paid_statuses(db: apsw.Connection, channel: Channel, site_code: str, text: str) -> list[str]:
    """Give a payment method of the site its own paid statuses, separated by commas; which they are now.

    Raises:
        UsageError: as ``check_paid_statuses``.
    """
    site_code = check_site_code("payment", site_code)
    statuses = check_paid_statuses(db, channel.id, text, channel["refused_statuses"] or ())
    mappings.set_paid_statuses(db, channel.id, site_code, statuses)
    return statuses


def check_paid_statuses(db: apsw.Connection, channel_id: int, text: str, refused: Collection[str]) -> list[str]:
    """The paid statuses of a payment method, written with commas between them.

    Args:
        refused: the channel's refused statuses.

    Raises:
        UsageError: the site lists no such status, or one is among the refused ones.
    """
    statuses = References(source="lookup", of="order_status").convert(text)
    known = [value.code for value in mappings.lookups(db, channel_id, "order_status")]
    unknown = [status for status in statuses if known and status not in known]
    if unknown:
        raise UsageError(f"The site has no status {', '.join(unknown):.60}: it has {', '.join(known)}.")
    both = [status for status in statuses if status in refused]
    if both:
        raise UsageError(f"{', '.join(both)} is among the channel's refused_statuses.")
    return statuses


def check_site_code(kind: str, site_code: str) -> str:
    """A code of the site as a mapping table holds it.

    Raises:
        UsageError: it is none.
    """
    try:
        site_code = Text(longest=200).parse(site_code) or ""
    except UsageError as error:
        raise UsageError(f"The site's code {error}.") from None
    if not site_code:
        raise UsageError("The site's code is empty: write SITE_CODE=TARGET.")
    if kind == "tax" and not _TAX_CASE.match(site_code):
        raise UsageError(
            f"{site_code!r:.60} is no case of tax: write a country (DE), a state of one (ES/TF), or * for any, and "
            "+vat or -vat for customers with or without a valid VAT number (FR+vat) or +collected for tax that the "
            "marketplace collects; or one of the site's tax rates (rate:3)."
        )
    return site_code


def check_target(db: apsw.Connection, channel: Channel, kind: str, target: str) -> None:
    """Make sure that the ERP has the target of a mapping, unless nothing was read of that ERP yet.

    Raises:
        UsageError: it does not; with those that it has.
    """
    of = MAPPING_TARGETS[kind]
    pos = channel.values.get("pos")
    if erps.is_unread(db, pos):
        return
    erp = erps.of_pos(db, pos)
    reference = erp.reference
    if kind in ("item", "tax"):
        known = reference.exists(db, of, target)
        if kind == "item":
            known = known or target == NOTHING or reference.exists(db, "service", target)
        if not known:
            what = of.replace("-", " ")
            where = f" --erp {erp.code}" if erp.is_outside else ""
            raise UsageError(f"There is no {what} {target!r:.60} in the ERP. See: chansync erp list {of}{where}")
        return
    if not pos:
        raise UsageError(f"The channel {channel.code} has no POS yet, so no {kind} can be mapped: set its pos first.")
    if not reference.exists(db, of, target, pos=pos):
        raise UsageError(f"The POS {pos} has no {of.replace('-', ' ')} {target!r:.60}. {what_it_has(db, of, pos)}")


def what_it_has(db: apsw.Connection, of: str, pos: str) -> str:
    """The methods of a POS in a sentence, or how to add one."""
    erp = erps.of_pos(db, pos)
    have = erp.reference.codes(db, of, pos=pos)
    if have:
        return f"It has {', '.join(have)}."
    if erp.is_outside:
        return f"Add one in {erps.name_of(db, erp.code)}, and read it: chansync erp lookups {erp.code}"
    return f"Add one: chansync erp add {of} CODE name=NAME pos={pos}"


def users_of(db: apsw.Connection, kind: str, code: str, pos: str | None = None) -> list[str]:
    """Which channels (of that POS) name something of the ERP, as ``shop-de (pos)``: it must not go under them."""
    users = []
    for channel in channels.all_channels(db):
        if pos is not None and channel.values.get("pos") != pos:
            continue
        for name, of, codes in named(channel, "erp"):
            if of == kind.replace("-", "_") and code in codes:
                users.append(f"{channel.code} ({name})")
        for table, target in MAPPING_TARGETS.items():
            if target == kind and code in mappings.targets(db, channel.id, table).values():
                users.append(f"{channel.code} ({table} mapping)")
    return users
