"""What ``chansync system`` and ``chansync erp`` share: their kinds, and the fields that each kind has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from chansync.cli.support import exit_codes
from chansync.cli.support.output import print_json, say, say_changed
from chansync.cli.support.secret_input import read_secrets
from chansync.cli.support.session import split_pairs

if TYPE_CHECKING:
    from chansync.erp.outside.connected import ConnectedErp
    from chansync.model.channel import IntegrationSystem
    from chansync.model.parameter import Parameter
    from chansync.setup.confirm import ConnectionReport
    from chansync.setup.erps import ErpReport
    from chansync.setup.systems import SystemReport

    _Stored = IntegrationSystem | ConnectedErp


def show_kinds(found: Iterable[tuple[str, str, Sequence[Parameter], Mapping[str, Any]]], as_json: bool) -> None:
    """Print kinds: each with its label, its fields, and what JSON has beside."""
    if as_json:
        print_json(
            [
                {
                    "kind": kind, "label": label, **more,
                    "fields": [
                        {"name": f.name, "label": f.label, "help": f.help, "type": f.type.word, "needed": f.needed}
                        for f in fields
                    ],
                }
                for kind, label, fields, more in found
            ]
        )  # fmt: skip
        return
    for kind, label, fields, _ in found:
        say(f"{kind}: {label}")
        for field in fields:
            say(f"  {field.name} ({field.type.word}{', needed' if field.needed else ''})")
            say(f"      {field.help}")


def read_fields(pairs: tuple[str, ...], form: str, fields: Sequence[Parameter], *, ask: bool = False) -> dict[str, str]:
    """The texts of ``field=value`` words by field, their secrets read.

    Args:
        form: what such a word looks like, for people.
        ask: needed secrets that are not named are asked for.
    """
    known = {field.name: field for field in fields}
    texts = split_pairs(pairs, form)
    if ask:
        for field in fields:
            if field.is_secret and field.needed:
                texts.setdefault(field.name, "-")
    return read_secrets(texts, known)


def change(
    before: _Stored,
    texts: dict[str, str],
    save: Callable[[dict[str, str], str | None], _Stored],
    values_of: Callable[[Any], Mapping[str, Any]],
) -> None:
    """Save typed texts by field, of which ``name`` is its name for people, and say which ones were another before."""
    given = list(texts)
    name = texts.pop("name", None)
    after = save(texts, name)

    def field(found: _Stored, word: str) -> Any:
        # Of a secret, when it was entered.
        return found.name if word == "name" else found.secrets.get(word) or values_of(found).get(word)

    say_changed(before.code, [each for each in given if field(before, each) != field(after, each)], given)


def exit_code(report: ConnectionReport | ErpReport | SystemReport) -> int:
    """The exit code of a command that connected to one."""
    if report.ok:
        return exit_codes.OK
    if report.code in ("secret_unreadable", "database"):
        return exit_codes.DATABASE
    return exit_codes.USAGE if report.code == "usage" else exit_codes.SITE
