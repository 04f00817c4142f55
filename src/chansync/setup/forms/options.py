"""The options of fields, with titles: codes of the ERP and of a site's lookups, systems, choices of a type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import apsw

from chansync.erp import registry
from chansync.model.channel import Channel
from chansync.model.errors import UsageError
from chansync.model.parameter import Parameter
from chansync.model.parameter_types import Choice
from chansync.setup import channel_settings
from chansync.setup.forms.form import MOST_OPTIONS, FormField, FormOption, reference_of
from chansync.store import channels, mappings


def options(
    db: apsw.Connection, field: FormField, texts: Mapping[str, str], search: str = ""
) -> list[FormOption] | None:
    """The options of a field; None: any value that its type allows."""
    if isinstance(field.type, Choice):
        return matching([(word, "") for word in field.type.words], search) or _as_typed(field.type, search)
    if field.source == "system":
        return matching([(each.code, f"{each.name} ({each.kind})") for each in channels.systems(db)], search)
    if field.source == "erp":
        return erp_options(db, field.of, texts.get("pos", ""), search)
    return None


def _as_typed(kind: Choice, text: str) -> list[FormOption]:
    """What is not among the usual words, where the type takes it all the same."""
    try:
        return [FormOption(str(kind.parse(text)), "as typed")] if text.strip() else []
    except UsageError:
        return []


def erp_options(db: apsw.Connection, of: str, pos: str, search: str = "") -> list[FormOption]:
    """Records of a kind by code; of what belongs to a POS, those of ``pos``."""
    rows = registry.rows(db, of, pos, text=search, limit=MOST_OPTIONS)
    return [FormOption(str(row["code"]), str(row.get("name", ""))) for row in rows]


def lookup_options(db: apsw.Connection, channel: Channel | None, of: str, search: str) -> list[FormOption] | None:
    """The lookups of the channel's site; None while there are none."""
    told = mappings.lookups(db, channel.id, of) if channel else []
    allowed = channel_settings.choices(db, channel)("lookup", of)
    if allowed is None:
        return None
    return matching([(each.code, _title(each)) for each in told if each.code in allowed], search)


def _title(value: mappings.Lookup) -> str:
    state = "" if value.on_site else " (the site no longer has it)"
    return f"{value.title}{state}" if value.enabled else f"{value.title} (switched off on the site)"


def matching(found: Iterable[tuple[str, str]], search: str) -> list[FormOption]:
    """The options whose code or title has every word of ``search``."""
    words = search.casefold().split()
    return [FormOption(*each) for each in found if all(word in " ".join(each).casefold() for word in words)]


def only_choices(db: apsw.Connection, parameters: Iterable[Parameter]) -> dict[str, str]:
    """Values of required fields for which there is only one choice: the only system, the only POS."""
    found: dict[str, str] = {}
    for parameter in parameters:
        source, of = reference_of(parameter.type)
        if not parameter.needed or source not in ("system", "erp"):
            continue
        known = channel_settings.choices(db, None)(source, of) or []
        if len(known) == 1:
            found[parameter.name] = known[0]
    return found
