"""``chansync map``: a site's methods and items to the ERP's."""

from __future__ import annotations

import click

from chansync.cli import completing
from chansync.cli.lazy import LazyGroup, examples
from chansync.cli.output import note, print_json, say, table
from chansync.cli.session import Session, pass_session, split_pairs

_TABLE = {
    "payment": ("mapping:payment", "Payment methods to those of the POS."),
    "delivery": ("mapping:delivery", "Delivery methods to those of the POS."),
    "item": ("mapping:item", "Items that have no SKU or GTIN in common."),
    "tax": ("mapping:tax", "Tax transactions by delivery country and VAT number."),
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
    @click.argument("pairs", metavar="[SITE=TARGET]...", nargs=-1)
    @click.option("--json", "as_json", is_flag=True, help="As JSON.")
    @pass_session
    def command(session: Session, code: str, pairs: tuple[str, ...], as_json: bool) -> None:
        if pairs:
            _map(session, kind, code, split_pairs(pairs, "SITE=TARGET"))
        if as_json or not pairs:
            _list(session, kind, code, as_json)

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
@click.argument("pairs", metavar="[SITE=TARGET]...", nargs=-1)
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
    if pairs:
        _map(session, "payment", code, split_pairs(pairs, "SITE=TARGET"))
    if paid:
        _set_paid(session, code, split_pairs(paid, "SITE=STATUS,..."))
    if as_json or not (pairs or paid):
        _list(session, "payment", code, as_json)


def _set_paid(session: Session, code: str, given: dict[str, str]) -> None:
    from chansync.setup.channel_settings import set_paid_statuses
    from chansync.store import channels

    for site_code, statuses in given.items():
        chosen = set_paid_statuses(session.db, channels.channel(session.db, code), site_code, statuses)
        say(f"{site_code} is paid at {', '.join(chosen)}." if chosen else f"{site_code} is paid as the channel says.")


delivery = _command("delivery", "delivery method of the POS", "flat_rate:1=courier local_pickup:2=")
item = _command("item", "item of the ERP", "512=SHIRT-RED-M")
tax = _command("tax", "tax transaction (by country, with +vat or -vat)", "DE=domestic FR+vat=eu-company *=export")


def _map(session: Session, kind: str, code: str, targets: dict[str, str]) -> None:
    """All pairs in one transaction: a wrong one changes nothing."""
    from chansync.db.transaction import transaction
    from chansync.setup.channel_settings import map_method
    from chansync.store import channels, mappings

    db = session.db
    unseen = []
    with transaction(db):
        channel = channels.channel(db, code)
        picked_up = any(row.on_site for row in mappings.mappings(db, channel.id, kind))
        for site_code, target in targets.items():
            known = map_method(db, channel, kind, site_code, target.strip() or None)
            if target.strip() and not known and picked_up:
                unseen.append(site_code)
    for site_code, target in targets.items():
        say(f"{site_code} is {f'mapped to {target.strip()}' if target.strip() else 'not mapped any more'}.")
    for site_code in unseen:
        note(f"{site_code} is not among the site's codes; it is kept in case orders bring it.")


def _list(session: Session, kind: str, code: str, as_json: bool) -> None:
    from chansync.store import channels, mappings

    channel = channels.channel(session.db, code)
    rows = mappings.mappings(session.db, channel.id, kind)
    paid = mappings.paid_statuses(session.db, channel.id) if kind == "payment" else {}
    if as_json:
        print_json(
            [
                {"site_code": r.site_code, "title": r.title, "on_site": r.on_site, "target": r.target}
                | ({"paid_statuses": sorted(paid.get(r.site_code, ()))} if kind == "payment" else {})
                for r in rows
            ]
        )
        return
    if not rows:
        note(f"{code} has no {kind} codes yet: chansync channel test {code} --fill picks up what its site has.")
        return
    cells = [(r.site_code, r.target or "NOT MAPPED", "yes" if r.on_site else "no", r.title) for r in rows]
    colours = ["" if row.target else "red" for row in rows]
    table(("site code", "ERP", "on site", "title"), cells, flexible="title", colours=colours)
    for site_code, statuses in sorted(paid.items()):
        say(f"{site_code} is paid at {', '.join(sorted(statuses))}.")
