"""Shell completion: codes, fields and values, from the program's tables and from the database.

Other users may have written into the database, and a completed word becomes part of a command line. Therefore only
words without any meaning for a shell are offered.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    import apsw

    from chansync.model.parameter import Parameter
    from chansync.model.parameter_types import ParameterType

Complete = Callable[[click.Context, click.Parameter, str], list[str]]

#: The codes of channels and systems.
_CODE = re.compile(r"[a-z0-9._-]{1,40}")

#: Other words: the site's codes and the ERP's.
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/+-]{0,99}")

#: Time limit of a query, in seconds: another program may have added a view that never ends.
_SECONDS = 2.0

#: The largest number of words that are offered.
MOST = 500


def read(context: click.Context, look: Callable[[apsw.Connection], Iterable[Any]]) -> list[str]:
    """What ``look`` finds in the database, as texts; any error gives an empty result."""
    import apsw

    from chansync.model.errors import ChansyncError

    given: str | None = context.find_root().params.get("db")
    with contextlib.suppress(apsw.Error, ChansyncError, OSError, ValueError, TypeError), _open(given) as db:
        return [found for found in look(db) if isinstance(found, str)]
    return []


@contextlib.contextmanager
def _open(given: str | None) -> Iterator[apsw.Connection]:
    from chansync.db import privileges
    from chansync.db.locations import database_path
    from chansync.db.opening import limit, open_file

    path = database_path(given)
    # Files that the unfinished line names are neither read nor created.
    privileges.become_owner(str(path))
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise OSError("not a file")
    with contextlib.closing(open_file(path)) as db:
        limit(db, _SECONDS)
        db.set_busy_timeout(0)
        yield db


def offer(found: Iterable[str], incomplete: str, pattern: re.Pattern[str] = _WORD) -> list[str]:
    """The words that continue the typed text and are harmless on a command line."""
    fitting = (each for each in dict.fromkeys(found) if each.startswith(incomplete) and pattern.fullmatch(each))
    return [word for word, _ in zip(fitting, range(MOST), strict=False)]


def _codes(table: str) -> Complete:
    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        query = f"SELECT code FROM {table} WHERE substr(code, 1, length(?1)) = ?1 ORDER BY code LIMIT ?2"
        found = read(context, lambda db: [row[0] for row in db.execute(query, (incomplete, MOST))])
        return offer(found, incomplete, _CODE)

    return complete


channels = _codes("channel")
systems = _codes("integration_system")
connected_erps = _codes("connected_erp")


def message_codes(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The codes of messages."""
    from chansync.model.message import CODES

    return offer(CODES, incomplete)


def platform_kinds(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The installed platforms."""
    from chansync.platforms import registry

    return offer(registry.kinds(), incomplete)


def erp_kinds(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The kinds of ERP that can be connected."""
    from chansync.erp import registry

    return offer((kind for kind in registry.kinds() if kind != registry.LEDGER), incomplete)


def erp_codes(kind: str) -> Complete:
    """The codes of one kind of the ERP."""

    def complete(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
        from chansync.erp import registry

        return offer(read(context, lambda db: registry.codes(db, kind, None)), incomplete)

    return complete


#: The values that a field may have, as texts; with ``several``, the field is a list with commas.
Values = Callable[[str], tuple[Iterable[str], bool]]


def pairs_of(incomplete: str, names: Iterable[str], values: Values, given: Iterable[str]) -> list[str]:
    """``name=`` where the name is being typed, and ``name=value`` behind the equals sign."""
    name, equals, text = incomplete.partition("=")
    if not equals:
        taken = {pair.partition("=")[0] for pair in given}
        return [f"{each}=" for each in offer(names, name) if each not in taken]
    known, several = values(name)
    before, comma, last = text.rpartition(",") if several else ("", "", text)
    chosen = set(before.split(","))
    return [f"{name}={before}{comma}{each}" for each in offer(known, last) if each not in chosen]


def plain_values(kind: ParameterType) -> list[str]:
    """The values of a field with few possible values."""
    from chansync.model.parameter_types import Choice, Flag

    if isinstance(kind, Flag):
        return ["yes", "no"]
    return list(kind.words) if isinstance(kind, Choice) else []


def channel_fields(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """``field=value`` of the channel that is named before it on the line."""
    from chansync.model.channel_parameters import BY_NAME
    from chansync.model.parameter_types import Reference, References, TextList

    given = context.params.get(parameter.name or "") or ()

    def values(name: str) -> tuple[Iterable[str], bool]:
        field = BY_NAME.get(name)
        if field is None or field.is_secret:
            return (), False
        if isinstance(field.type, (Reference, References)):
            source, of = field.type.source, field.type.of
        elif field.offered:
            source, of = "offered", field.offered
        else:
            return plain_values(field.type), False
        found = read(context, lambda db: _choices(db, str(context.params.get("code")), given, source, of))
        return found, isinstance(field.type, TextList)

    return pairs_of(incomplete, (name for name in BY_NAME if name != "code"), values, given)


def _choices(db: apsw.Connection, code: str, given: Iterable[str], source: str, of: str) -> Iterable[str]:
    """The possible values of a reference field; for a new channel, they depend on the pairs typed so far."""
    from chansync.model.channel_parameters import default_values
    from chansync.setup import channel_settings
    from chansync.store import channels as stored

    texts = dict(pair.split("=", 1) for pair in given if "=" in pair)
    changes, _, _ = channel_settings.parse(texts)
    if stored.is_taken(db, code):
        channel = stored.channel(db, code)
        channel.values |= changes
    else:
        channel = channel_settings.draft_channel(db, default_values() | {"code": code} | changes)
    return channel_settings.choices(db, channel)(source, of) or []


def system_fields(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """``field=value`` of the system that is named before it, or of the kind that is given."""
    from chansync.platforms import registry
    from chansync.store import systems as stored

    kind = _kind(context, lambda db, code: stored.system(db, code).kind)
    fields = registry.platform(kind).system_parameters if kind in registry.kinds() else ()
    return _typed(context, parameter, incomplete, fields)


def erp_fields(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """``field=value`` of the ERP that is named before it, or of the kind that is given."""
    from chansync.erp import registry
    from chansync.erp.outside import connected

    kind = _kind(context, connected.kind_of)
    return _typed(context, parameter, incomplete, registry.parameters(kind) if kind in registry.kinds() else ())


def _kind(context: click.Context, kind_of: Callable[[apsw.Connection, str], str | None]) -> str:
    given, code = context.params.get("kind"), str(context.params.get("code"))
    return given or next(iter(read(context, lambda db: [kind_of(db, code)])), "")


def _typed(
    context: click.Context, parameter: click.Parameter, incomplete: str, fields: Iterable[Parameter]
) -> list[str]:
    types, given = {each.name: each.type for each in fields}, context.params.get(parameter.name or "") or ()
    return pairs_of(incomplete, types, lambda name: (plain_values(types[name]) if name in types else (), False), given)


def _settings(module: str) -> Complete:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        return _typed(context, parameter, incomplete, import_module(module).SETTINGS)

    return complete


#: ``setting=value`` of the notices, and ``setting=duration`` of the retention.
notice_settings = _settings("chansync.notices.settings")
retention_settings = _settings("chansync.setup.retention")


def mapping_pairs(kind: str) -> Complete:
    """``site=target`` of a channel's mapping table."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
        from chansync.erp import registry
        from chansync.setup.channel_settings import MAPPING_TARGETS
        from chansync.store import channels as stored
        from chansync.store import mappings

        code = str(context.params.get("code"))

        def site_codes(db: apsw.Connection) -> list[str]:
            return [row.site_code for row in mappings.mappings(db, stored.channel(db, code).id, kind)]

        def targets(db: apsw.Connection) -> Iterable[str]:
            return registry.codes(db, MAPPING_TARGETS[kind], stored.channel(db, code).values.get("pos"))

        names = read(context, site_codes) if "=" not in incomplete else ()
        given = context.params.get(parameter.name or "") or ()
        return pairs_of(incomplete, names, lambda _: (read(context, targets), False), given)

    return complete
