"""``chansync map``: a site's methods and items to the ERP's."""

from __future__ import annotations

from typing import Any

import click

from chansync.cli.support import completing
from chansync.cli.support.fields import split_pairs
from chansync.cli.support.lazy import command, pairs
from chansync.cli.support.output import note, print_json, say, table
from chansync.cli.support.session import Session
from chansync.db.transaction import transaction
from chansync.store import channels, mappings


def _command(kind: str, what: str, *examples: str) -> click.Command:
    @command(
        f"chansync map {kind} shop-de",
        *(f"chansync map {kind} shop-de {example}" for example in examples),
        help=f"Show which {what} each code of the site is, or map codes: SITE=TARGET; SITE= unmaps.",
    )
    @click.argument("code", shell_complete=completing.channels)
    @pairs("[SITE=TARGET]", completing.mapping_pairs(kind), may_name_files=False)
    def made(session: Session, code: str, pairs: tuple[str, ...], as_json: bool, paid: tuple[str, ...] = ()) -> None:
        given = split_pairs(paid, "SITE=STATUS,...", at_last=True)
        _run(session, kind, code, split_pairs(pairs, "SITE=TARGET", at_last=True), given, as_json)

    return made


payment = _command("payment", "payment method of the POS", "cod=cash bacs=bank", "--paid cod=completed")
# Payment methods alone may have paid statuses of their own.
payment.params.insert(
    2,
    click.Option(
        ["--paid"],
        multiple=True,
        metavar="SITE=STATUS,...",
        help="The statuses at which orders of that method are paid, in place of the channel's; "
        "SITE= for the channel's.",
    ),
)
delivery = _command("delivery", "delivery method of the POS", "flat_rate:1=courier local_pickup:2=")
item = _command("item", "item of the ERP", "512=SHIRT-RED-M")
tax = _command("tax", "tax transaction (by country, with +vat or -vat)", "DE=domestic FR+vat=eu-company *=export")


def _run(session: Session, kind: str, code: str, pairs: dict[str, str], paid: dict[str, str], as_json: bool) -> None:
    """Map what is given, or list what is mapped."""
    channel_id = channels.channel(session.db, code).id
    if not pairs and not paid:
        if as_json:
            print_json(_data(session, kind, channel_id))
        else:
            _list(session, kind, code, channel_id)
        return
    changed = _map(session, kind, code, pairs, silent=as_json) if pairs else []
    changed += [own for own in _set_paid(session, code, paid, silent=as_json) if own not in changed]
    if as_json:
        mapped = {"changed": bool(changed), "site_codes": changed, "mappings": _data(session, kind, channel_id)}
        print_json({"ok": True, "channel": code} | mapped)


def _set_paid(session: Session, code: str, given: dict[str, str], *, silent: bool) -> list[str]:
    """Set the paid statuses of payment methods in one transaction; of which they are others now."""
    from chansync.setup.channel_settings import set_paid_statuses

    db = session.db
    with transaction(db):
        channel = channels.channel(db, code)
        before = mappings.paid_statuses(db, channel.id)
        chosen = {own: set_paid_statuses(db, channel, own, text) for own, text in given.items()}
        after = mappings.paid_statuses(db, channel.id)
    for own, statuses in () if silent else chosen.items():
        say(f"{own} is paid at {', '.join(statuses)}." if statuses else f"{own} is paid as the channel says.")
    return [own for own in given if before.get(own) != after.get(own)]


def _map(session: Session, kind: str, code: str, targets: dict[str, str], *, silent: bool) -> list[str]:
    """All pairs in one transaction: a wrong one changes nothing. Which of the site's codes are mapped otherwise now."""
    from chansync.setup.channel_settings import map_method

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


def _paid(session: Session, kind: str, channel_id: int) -> dict[str, list[str]]:
    """The paid statuses of payment methods that have their own."""
    found = mappings.paid_statuses(session.db, channel_id) if kind == "payment" else {}
    return {site_code: sorted(statuses) for site_code, statuses in sorted(found.items())}


def _data(session: Session, kind: str, channel_id: int) -> list[dict[str, Any]]:
    paid = _paid(session, kind, channel_id)
    return [
        {"site_code": r.site_code, "title": r.title, "on_site": r.on_site, "target": r.target}
        | ({"paid_statuses": paid.get(r.site_code, [])} if kind == "payment" else {})
        for r in mappings.mappings(session.db, channel_id, kind)
    ]


def _list(session: Session, kind: str, code: str, channel_id: int) -> None:
    rows = mappings.mappings(session.db, channel_id, kind)
    if not rows:
        note(f"{code} has no {kind} codes yet: chansync channel test {code} --fill picks up what its site has.")
        return
    cells = [(r.site_code, r.target or "NOT MAPPED", "yes" if r.on_site else "no", r.title) for r in rows]
    colours = ["" if row.target else "red" for row in rows]
    table(("site code", "ERP", "on site", "title"), cells, flexible="title", colours=colours)
    for site_code, statuses in _paid(session, kind, channel_id).items():
        say(f"{site_code} is paid at {', '.join(statuses)}.")
