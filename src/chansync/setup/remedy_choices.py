"""Which of several messages a remedy is performed on, and the words that a person has to choose for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import apsw

from chansync.model.channel_parameters import BY_NAME
from chansync.orders.remedies import Remedy, Subject, offered, subjects_of
from chansync.setup.channel_settings import MAPPING_TARGETS
from chansync.setup.forms import options
from chansync.setup.forms.channel_form import ChannelForm
from chansync.setup.forms.form import FormOption

#: What a remedy can be asked for that the ERP has a list of.
_OF_ERP = ("item", "warehouse", "pos")


@dataclass(frozen=True, slots=True)
class Choice:
    """A word that a person has to add to a remedy.

    Attributes:
        search: the options for a text typed so far; None: any text is typed.
    """

    name: str
    label: str
    search: Callable[[str], list[FormOption]] | None = None


def choices(db: apsw.Connection, subject: Subject, remedy: Remedy) -> list[Choice]:
    """What a person has to choose or to type for the remedy, in its order."""
    return [_choice(db, subject, remedy, name.lower()) for name in remedy.command_for(subject).missing]


def _choice(db: apsw.Connection, subject: Subject, remedy: Remedy, name: str) -> Choice:
    pos = str(subject.channel["pos"] or "") if subject.channel is not None else ""
    words = remedy.command.split()
    if words[1:2] == ["map"]:
        of = MAPPING_TARGETS[words[2]].replace("-", "_")
        return Choice(name, of.replace("_", " ").capitalize(), lambda text: options.erp_options(db, of, pos, text))
    parameter = _parameter(subject, remedy)
    if name == "value" and parameter and subject.channel is not None:
        form = ChannelForm(subject.channel.id)
        loaded = form.load(db)
        fields = {field.name: field for field in form.fields(db, loaded.texts, everything=True)} if loaded else {}
        field = fields.get(parameter)
        if field is not None and loaded is not None and form.options(db, field, loaded.texts) is not None:
            texts = loaded.texts
            return Choice(name, field.label, lambda text: form.options(db, field, texts, text) or [])
        return Choice(name, BY_NAME[parameter].label)
    if name in _OF_ERP:
        return Choice(name, name.capitalize(), lambda text: options.erp_options(db, name, pos, text))
    return Choice(name, name.replace("_", " ").capitalize())


def _parameter(subject: Subject, remedy: Remedy) -> str:
    """The channel's parameter that the remedy sets to a value; empty: none."""
    last = remedy.command.split()[-1]
    name = last.partition("=")[0]
    name = subject.values.get(name[1:-1], "") if name.startswith("{") else name
    return name if name in BY_NAME else ""


def fields_of(subject: Subject, remedy: Remedy) -> str | None:
    """Where the remedy is to change a field of the channel that a person names: the form's field, or "" for the form.

    None: it is no such remedy.
    """
    if "{FIELD}" not in remedy.command or "channel set" not in remedy.command:
        return None
    wrong = subject.message.data.get("fields") or subject.message.data.get("parameter")
    first = wrong[0] if isinstance(wrong, list) and wrong else wrong
    return str(first) if isinstance(first, str) and first in BY_NAME else ""


def performed_on(db: apsw.Connection, remedy: Remedy, message_ids: Iterable[int], by: str) -> list[Subject]:
    """The messages of one cause that the remedy has to be performed on, so that it mends all that it is offered for.

    What is of an order or a message is done for each; what is of a channel or a system, once for each; else once.
    """
    found: dict[object, Subject] = {}
    for subject in subjects_of(db, message_ids, by):
        if remedy in offered(subject):
            found.setdefault(_scope(remedy, subject), subject)
    return list(found.values())


def _scope(remedy: Remedy, subject: Subject) -> object:
    command = remedy.command
    if remedy.perform is not None or any(f"{{{name}}}" in command for name in ("message", "order", "sale")):
        return subject.message.id
    if "{channel}" in command:
        return subject.message.channel_id
    if "{system}" in command and subject.channel is not None:
        return subject.channel.system.id
    return None


def words_for(subject: Subject, remedy: Remedy, added: Sequence[str]) -> list[str]:
    """The words of ``chansync mend`` that perform a remedy on one message."""
    return ["mend", str(subject.message.id), remedy.name, *added]
