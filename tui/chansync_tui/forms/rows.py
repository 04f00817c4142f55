"""The rows of a form's list, from the fields of the core and the state of the form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import apsw

from chansync.setup.forms.form import FormField, Related
from chansync_tui.forms.state import FormState
from chansync_tui.widgets.columns import Column
from chansync_tui.widgets.line import Part
from chansync_tui.widgets.table import Cell

COLUMNS = (Column("", 1), Column("", 22, 32), Column("", 18, 400))

#: The column of the values.
VALUE = 2

_SECTIONS = "[ and ] go from section to section, / finds a field, f jumps to a row by its letter."


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a heading, a field, a related record, an action, or text.

    Attributes:
        mark: ``*`` for a changed field, ``!`` for a wrong one; for screens without colours.
        about: help that is shown while the row has the cursor.
        action: the action that Enter runs, in a row that is neither field nor record.
        opens: the id of the message that Enter opens.
    """

    key: str
    label: str
    value: str = ""
    tone: str = ""
    mark: str = " "
    about: tuple[Part, ...] = ()
    heading: bool = False
    field: FormField | None = None
    related: Related | None = None
    action: str = ""
    opens: int | None = None

    def matches(self, words: Sequence[str], *, in_help: bool = False) -> bool:
        """Whether each of the ``folded`` words is in the row's label, or in the name or value of its field.

        Args:
            in_help: whether they are in these or in its help.
        """
        holds = self.field is not None or self.related is not None
        told = self.field.help if self.field is not None and in_help else ""
        found_in = folded(f"{self.label} {self.key} {self.value} {told}" if holds else self.label)
        return not self.heading and all(word in found_in for word in words)

    def cells(self) -> tuple[Cell, Cell, Cell]:
        """For a table with ``COLUMNS``."""
        if self.heading:
            return Cell(""), Cell(self.label, "title"), Cell(self.value, "dim")
        tone = {"!": "bad", "*": "warn"}.get(self.mark, "")
        return Cell(self.mark, tone), Cell(self.label, "strong" if self.action else ""), Cell(self.value, self.tone)


def folded(text: str) -> str:
    """The text as it is searched: however it is spelled (e-mail or email, synchronise or synchronize)."""
    return text.casefold().replace("-", "").replace("z", "s")


def hidden_row(field: FormField, appears_with: FormField) -> Row:
    """A row for a field that appears only when another one is switched on; Enter leads to that one."""
    about = ((field.label, "strong"), (field.help, ""), (f"enter: to {appears_with.label}", "dim"))
    value = f"appears with: {appears_with.label}"
    leads = f"go_to('{appears_with.name}')"
    return Row(f"hidden:{field.name}", field.label, value, "dim", about=about, action=leads)


def rows_of(db: apsw.Connection, state: FormState, actions: Iterable[tuple[int, Row]]) -> Iterator[Row]:
    """All rows, section by section: fields, related records, actions.

    Args:
        actions: rows for actions, each with the section that it stands at the end of.
    """
    fields = state.fields(db)
    related = state.form.related(db)
    doing = list(actions)
    for number, title in state.form.sections.items():
        found = [_row(state, field) for field in fields if field.section == number]
        found += [_related(each) for each in related if each.section == number]
        found += [row for section, row in doing if section == number]
        if found:
            yield Row(f"section:{number}", title, heading=True, about=((title, "strong"), (_SECTIONS, "")))
            yield from found


def _related(related: Related) -> Row:
    about = ((related.label, "strong"), ("enter opens it; it is saved separately." if related.code else "", ""))
    key = f"related:{related.kind}:{related.code}"
    return Row(key, related.label, related.value, "" if related.code else "dim", about=about, related=related)


def _row(state: FormState, field: FormField) -> Row:
    error = state.errors.get(field.name, "")
    mark = "!" if error else "*" if state.is_changed(field.name) else " "
    text, tone = shown(state, field)
    return Row(
        field.name, field.label, text, "bad" if error else tone, mark, tuple(_about(state, field, error)), field=field
    )


def shown(state: FormState, field: FormField) -> tuple[str, str]:
    """The value as it is shown, and its tone."""
    if field.is_secret:
        if field.name in state.entered:
            return "entered, not saved yet", "warn"
        return ("set", "good") if field.name in state.loaded.secrets else _unset(field)
    text = state.texts.get(field.name, "")
    if field.is_flag:
        on = field.type.parse(text) if text else False
        return ("[x] yes", "warn" if field.warning else "good") if on else ("[ ] no", "")
    if not text:
        return _unset(field)
    return (f"{text}  ({field.note})", "warn") if field.note else (text, "")


def _unset(field: FormField) -> tuple[str, str]:
    word = field.empty or ("not set, needed" if field.needed else "not set")
    return (f"{word}  ({field.note})" if field.note else word), "bad" if field.stands_out else "dim"


def _about(state: FormState, field: FormField, error: str) -> Iterator[Part]:
    label = field.label if ":" in field.name else f"{field.label}  [{field.name}, {field.type.word}]"
    yield (label, "strong")
    if error:
        yield (f"! {field.label} {error}", "bad")
    if field.warning and field.is_flag and shown(state, field)[0].startswith("[x]"):
        yield (f"! {field.warning}", "warn")
    yield (field.fixed or field.help, "")
