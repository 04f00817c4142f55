"""Fields as they are typed: ``FIELD=VALUE`` words and secrets; and what ``chansync system`` and ``erp`` share of them.

Secrets come from stdin, a prompt or a file, because every user of the machine can see arguments.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chansync.cli.support import exit_codes, named_files
from chansync.cli.support.output import print_json, say, say_changed
from chansync.db.locations import path_of
from chansync.model.errors import UsageError

if TYPE_CHECKING:
    from chansync.erp.outside.connected import ConnectedErp
    from chansync.model.channel import IntegrationSystem
    from chansync.model.parameter import Parameter
    from chansync.setup.confirm import ConnectionReport
    from chansync.setup.erps import ErpReport
    from chansync.setup.systems import SystemReport

    _Stored = IntegrationSystem | ConnectedErp

#: The maximum length of a secret, in bytes.
_LONGEST = 1_000_000


def split_pairs(pairs: tuple[str, ...], form: str, *, at_last: bool = False) -> dict[str, str]:
    """``name=text`` arguments by name.

    Args:
        at_last: the name may hold ``=``, such as what a site calls an item, and the text does not.

    Raises:
        UsageError: one has no ``=``, or a name is there twice.
    """
    texts: dict[str, str] = {}
    for pair in pairs:
        name, equals, text = pair.rpartition("=") if at_last else pair.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"{pair!r:.60} is not of the form {form}.")
        if name.strip() in texts:
            raise UsageError(f"{name.strip()!r:.60} is given twice.")
        texts[name.strip()] = text
    return texts


def read_secrets(texts: Mapping[str, str], known: Mapping[str, Parameter]) -> dict[str, str]:
    """The texts, with each secret's ``-`` or ``@FILE`` replaced by the secret.

    Args:
        known: the fields by name.

    Raises:
        UsageError: a secret is given in the arguments, or stdin or the file has none.
    """
    read = dict(texts)
    for name, text in texts.items():
        parameter = known.get(name)
        if parameter is None or not parameter.is_secret or not text:
            continue
        if text == "-":
            read[name] = _from_stdin(name, parameter.label)
        elif text.startswith("@"):
            read[name] = _from_file(name, path_of(text[1:]))
        else:
            raise UsageError(
                f"{name} is secret, and every user of this machine can see arguments: write {name}=- and type it, or "
                f"{name}=@FILE. Nothing was changed."
            )
    return read


def _from_stdin(name: str, label: str) -> str:
    if sys.stdin.isatty():
        import click

        secret: str = click.prompt(label, hide_input=True, err=True)
        return secret.strip()
    line = sys.stdin.readline()
    if not line.strip():
        raise UsageError(f"No line came for {name} on standard input.")
    return line.strip()


def _from_file(name: str, path: Path) -> str:
    try:
        with named_files.input_file(path).open() as file:
            text = file.read(_LONGEST).decode().strip()
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{name}: {path} is not text.") from None
    if not text or "\n" in text:
        raise UsageError(f"{name}: {path} must hold one line, the secret.")
    return text


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
