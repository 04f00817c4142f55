"""Input of secrets from stdin, a prompt or a file, because every user of the machine can see arguments."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from chansync.cli.support import named_files
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter
from chansync.model.parameters import BY_NAME

#: The maximum length of a secret, in bytes.
_LONGEST = 1_000_000


def read_secrets(texts: Mapping[str, str], known: Mapping[str, Parameter] = BY_NAME) -> dict[str, str]:
    """The texts, with each secret's ``-`` or ``@FILE`` replaced by the secret.

    Args:
        known: the fields by name; by default those of a channel.

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
            read[name] = _from_file(name, Path(text[1:]).expanduser())
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
