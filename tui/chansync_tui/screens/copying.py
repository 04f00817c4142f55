"""What can be copied of rows: their numbers and names, the rows as text or JSON, and the commands that show them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from chansync.model.safe_text import on_one_line
from chansync.model.times import local_text
from chansync.store.order_list import OrderLine
from chansync.store.overview import ChannelLine, MessageLine
from chansync.store.problem_causes import Cause
from chansync.store.runs import Run
from chansync_tui.context import Context
from chansync_tui.widgets.table import Table


class Copy(NamedTuple):
    """Something to copy: what it is, and the text."""

    what: str
    text: str


class Facts(NamedTuple):
    """What else a row is known by: its numbers and names, and the words of the command that shows it."""

    names: dict[str, str]
    command: Sequence[str] = ()


def facts(row: Any) -> Facts:
    """What a row of the lists of channels, orders, messages, causes or runs is known by."""
    match row:
        case OrderLine():
            names = {"order number": row.number, "sale": row.sale, "customer": row.customer}
            return Facts(names, ("why", row.channel_code, row.number))
        case ChannelLine():
            return Facts({"code": row.code, "name": row.name}, ("channel", "show", row.code))
        case MessageLine():
            names = {"message number": str(row.id), "order number": row.order_number, "sentence": row.sentence}
            return Facts(names, ("log", "show", str(row.id)))
        case Cause():
            return Facts({"what it is about": row.title, "sentence": row.sentence}, ("mend", str(row.message_ids[0])))
        case Run():
            since = ("log", "--channel", row.channel_code, "--since", local_text(row.started_at))
            return Facts({"channel": row.channel_code, "sentence": row.sentence}, since)
    return Facts({})


def of_rows(table: Table[Any], facts_of: Callable[[Any], Facts], context: Context) -> list[Copy]:
    """What can be copied of the marked rows, or of the one under the cursor."""
    rows = table.chosen
    if not rows:
        return []
    known = [facts_of(row) for row in rows]
    found = [Copy(what, _lines(each.names[what] for each in known)) for what in known[0].names]
    texts = table.texts_of()(rows)
    data = [{title: text for title, text in zip(table.titles, each, strict=True) if title} for each in texts]
    return [
        *found,
        Copy("row", _lines("\t".join(each) for each in texts)),
        Copy("JSON", as_json(data if len(data) > 1 else data[0])),
        Copy("command", _lines(context.command_line(each.command) for each in known if each.command)),
    ]


def as_json(data: Any) -> str:
    """Data as indented JSON; what a terminal would act on is escaped."""
    text = json.dumps(data, ensure_ascii=False, indent=2, default=str)
    return "".join(sign if sign.isprintable() or sign == "\n" else json.dumps(sign)[1:-1] for sign in f"{text}\n")


def _lines(texts: Iterable[str]) -> str:
    # It may be pasted into a shell.
    return "".join(f"{on_one_line(text)}\n" for text in texts if text)
