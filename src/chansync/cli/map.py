"""``chansync map``: a site's methods and items to the ERP's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from chansync.cli.support import completing
from chansync.cli.support.lazy import LazyGroup, examples
from chansync.cli.support.output import note, print_json, say, table
from chansync.cli.support.session import Session, pass_session, split_pairs

if TYPE_CHECKING:
    from chansync.store.mappings import Mapping

_TABLE = {
    "payment": ("map:payment", "Payment methods to those of the POS."),
    "delivery": ("map:delivery", "Delivery methods to those of the POS."),
    "item": ("map:item", "Items that have no SKU or GTIN in common."),
    "tax": ("map:tax", "Tax transactions by delivery country and VAT number."),
}


@click.group("map", cls=LazyGroup, table=_TABLE, epilog=examples("chansync map payment shop-de cod=cash bacs=bank"))
def map_group() -> None:
    """Map a site's payment methods, delivery methods and items to the ERP's."""


def _command(kind: str, what: str, example: str) -> click.Command:
    @click.command(
        kind,
        help=f"Show which {what} each code of the site is, or map codes: SITE=TARGET; SITE= unmaps.",
        epilog=examples(f"chansync map {kind} shop-de", f"chansync map {kind} shop-de {example}"),
    )
    @click.argument("code", shell_complete=completing.channels)
    @click.argument("pairs", metavar="[SITE=TARGET]...", nargs=-1, shell_complete=completing.mapping_pairs(kind))
    @click.option("--json", "as_json", is_flag=True, help="As JSON.")
    @pass_session
    def command(session: Session, code: str, pairs: tuple[str, ...], as_json: bool) -> None:
        _run(session, kind, code, split_pairs(pairs, "SITE=TARGET", at_last=True), {}, as_json)

    return command


@click.command(
    "payment",
    help="Show which payment method of the POS each code of the site is, or map codes: SITE=TARGET; SITE= unmaps.",
    epilog=examples(
        "chansync map payment shop-de",
        "chansync map payment shop-de cod=cash bacs=bank",
        "chansync map payment shop-de --paid cod=completed",
    ),
)
@click.argument("code", shell_complete=completing.channels)
@click.argument("pairs", metavar="[SITE=TARGET]...", nargs=-1, shell_complete=completing.mapping_pairs("payment"))
@click.option(
    "--paid",
    multiple=True,
    metavar="SITE=STATUS,...",
    help="The statuses at which orders of that method are paid, in place of the channel's; SITE= for the channel's.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@pass_session
def payment(session: Session, code: str, pairs: tuple[str, ...], paid: tuple[str, ...], as_json: bool) -> None:
    """The payment methods, which may have paid statuses of their own."""
    targets = split_pairs(pairs, "SITE=TARGET", at_last=True)
    _run(session, "payment", code, targets, split_pairs(paid, "SITE=STATUS,...", at_last=True), as_json)


def _run(session: Session, kind: str, code: str, pairs: dict[str, str], paid: dict[str, str], as_json: bool) -> None:
    """Map what is given, or list what is mapped."""
    if not pairs and not paid:
        if as_json:
            print_json(_data(session, kind, code))
        else:
            _list(session, kind, code)
        return
    changed = _map(session, kind, code, pairs, silent=as_json) if pairs else []
    changed += [own for own in _set_paid(session, code, paid, silent=as_json) if own not in changed]
    if as_json:
        mapped = {"changed": bool(changed), "site_codes": changed, "mappings": _data(session, kind, code)}
        print_json({"ok": True, "channel": code} | mapped)


def _set_paid(session: Session, code: str, given: dict[str, str], *, silent: bool) -> list[str]:
    """Set the paid statuses of payment methods in one transaction; of which they are others now."""
    from chansync.db.transaction import transaction
    from chansync.setup.channel_settings import set_paid_statuses
    from chansync.store import channels, mappings

    db = session.db
    with transaction(db):
        channel = channels.channel(db, code)
        before = mappings.paid_statuses(db, channel.id)
        chosen = {own: set_paid_statuses(db, channel, own, text) for own, text in given.items()}
        after = mappings.paid_statuses(db, channel.id)
    for own, statuses in () if silent else chosen.items():
        say(f"{own} is paid at {', '.join(statuses)}." if statuses else f"{own} is paid as the channel says.")
    return [own for own in given if before.get(own) != after.get(own)]


delivery = _command("delivery", "delivery method of the POS", "flat_rate:1=courier local_pickup:2=")
item = _command("item", "item of the ERP", "512=SHIRT-RED-M")
tax = _command("tax", "tax transaction (by country, with +vat or -vat)", "DE=domestic FR+vat=eu-company *=export")


def _map(session: Session, kind: str, code: str, targets: dict[str, str], *, silent: bool) -> list[str]:
    """All pairs in one transaction: a wrong one changes nothing. Which of the site's codes are mapped otherwise now."""
    from chansync.db.transaction import transaction
    from chansync.setup.channel_settings import map_method
    from chansync.store import channels, mappings

    db = session.db
    unseen = []
    with transaction(db):
        channel = channels.channel(db, code)
        before = mappings.targets(db, channel.id, kind)
        picked_up = any(row.on_site for row in mappings.mappings(db, channel.id, kind))
        for site_code, target in targets.items():
            known = map_method(db, channel, kind, site_code, target.strip() or None)
            if target.strip() and not known and picked_up:
                unseen.append(site_code)
        after = mappings.targets(db, channel.id, kind)
    changed = [site_code for site_code in targets if before.get(site_code) != after.get(site_code)]
    for site_code, target in () if silent else targets.items():
        as_before = "" if site_code in changed else " already"
        said = f"mapped to {target.strip()}{as_before}" if target.strip() else f"not mapped{as_before or ' any more'}"
        say(f"{site_code} is {said}.")
    for site_code in unseen:
        note(f"{site_code} is not among the site's codes; it is kept in case orders bring it.")
    return changed


def _rows(session: Session, kind: str, code: str) -> list[Mapping]:
    from chansync.store import channels, mappings

    return mappings.mappings(session.db, channels.channel(session.db, code).id, kind)


def _data(session: Session, kind: str, code: str) -> list[dict[str, Any]]:
    from chansync.store import channels, mappings

    channel = channels.channel(session.db, code)
    paid = mappings.paid_statuses(session.db, channel.id)
    return [
        {"site_code": r.site_code, "title": r.title, "on_site": r.on_site, "target": r.target}
        | ({"paid_statuses": sorted(paid.get(r.site_code, ()))} if kind == "payment" else {})
        for r in _rows(session, kind, code)
    ]


def _list(session: Session, kind: str, code: str) -> None:
    from chansync.store import channels, mappings

    rows = _rows(session, kind, code)
    if not rows:
        note(f"{code} has no {kind} codes yet: chansync channel test {code} --fill picks up what its site has.")
        return
    cells = [(r.site_code, r.target or "NOT MAPPED", "yes" if r.on_site else "no", r.title) for r in rows]
    colours = ["" if row.target else "red" for row in rows]
    table(("site code", "ERP", "on site", "title"), cells, flexible="title", colours=colours)
    paid = mappings.paid_statuses(session.db, channels.channel(session.db, code).id) if kind == "payment" else {}
    for site_code, statuses in sorted(paid.items()):
        say(f"{site_code} is paid at {', '.join(sorted(statuses))}.")
