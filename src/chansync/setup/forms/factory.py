"""Creating the form for a kind of record."""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from chansync.erp import registry
from chansync.erp.ledger.setup_kinds import kind_named
from chansync.model.errors import UsageError
from chansync.setup.forms.channel_form import ChannelForm
from chansync.setup.forms.erp_form import ErpForm
from chansync.setup.forms.form import Form, FormField
from chansync.setup.forms.kind_form import ConnectedErpForm, SystemForm


def form_of(kind: str, key: int | str | None = None, preset: Mapping[str, str] | None = None) -> Form:
    """The form of a channel (by id), a system or a record of the ERP (by code); no key: a new one.

    Args:
        kind: ``channel``, ``system``, ``connected-erp``, or a kind of the ledger.

    Raises:
        UsageError: there is no such kind.
    """
    if kind == "channel":
        return ChannelForm(None if key is None else int(key), preset)
    for form in (SystemForm, ConnectedErpForm):
        if kind == form.kind:
            return form(key, preset)
    return ErpForm(kind, None if key is None else str(key), preset)


def form_of_reference(field: FormField, texts: Mapping[str, str], *, new: bool) -> Form:
    """The form of the record that a field refers to, or of a new one that it could refer to.

    Raises:
        UsageError: the field refers to nothing that has a form, or the POS of the record is not chosen yet.
    """
    if field.source == "system":
        return form_of("system", None if new else _chosen(field, texts))
    if field.source != "erp":
        raise UsageError(f"{field.label} refers to nothing that has settings of its own here.")
    kind = kind_named(field.of)
    holder = texts.get(kind.within, "") if kind.within else ""
    if kind.within and not holder:
        raise UsageError(f"Choose the {kind_named(kind.within).label} first: a {kind.label} belongs to one.")
    if new:
        return form_of(kind.name, None, {kind.within: holder} if holder else None)
    code = _chosen(field, texts)
    return form_of(kind.name, f"{holder}/{code}" if holder else code)


def refuse_outside(db: apsw.Connection, field: FormField, texts: Mapping[str, str], *, new: bool) -> None:
    """Only the ledger's records have forms here.

    Raises:
        UsageError: the field's records are those of an ERP outside, where they are set up.
    """
    pos = texts.get("pos", "")
    if field.source != "erp" or not pos or (field.of == "pos" and new):
        return
    erp = registry.of_pos(db, pos)
    if erp.is_outside:
        name = registry.name_of(db, erp.code)
        raise UsageError(
            f"{field.label} is set up in {name} itself; then read it here: chansync erp lookups {erp.code}"
        )


def _chosen(field: FormField, texts: Mapping[str, str]) -> str:
    code = texts.get(field.name, "")
    if not code or field.is_several:
        raise UsageError(f"{field.label} has no single value: choose one first, or press n to add one.")
    return code


def can_be_new(field: FormField) -> str:
    """What can be added for a field, such as ``POS``; empty if it refers to nothing that has a form."""
    if field.source == "system":
        return SystemForm.noun
    return kind_named(field.of).label if field.source == "erp" else ""
