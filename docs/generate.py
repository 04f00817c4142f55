"""Makes the pages of docs/reference from the program's own tables: ``make docs``.

A test holds that the pages in the tree are what this makes.
"""

from __future__ import annotations

import re
from pathlib import Path

from chansync.erp.http import openapi
from chansync.exports.columns import EXPORTS
from chansync.model.channel_parameters import PARAMETERS, SECTIONS
from chansync.model.message import CODES
from chansync.model.parameter import Parameter
from chansync.notices.services import SERVICES
from chansync.orders.remedies import REMEDIES
from chansync.platforms import registry

_NAME = re.compile(r"{(\w+)}")
REFERENCE = Path(__file__).parent / "reference"
_MADE = "<!-- Made by docs/generate.py from the program: change it there. -->\n\n"


def pages() -> dict[str, str]:
    """Each page's text by its file name."""
    return {
        "parameters.md": _MADE + _parameters(),
        "systems.md": _MADE + _systems(),
        "messages.md": _MADE + _messages(),
        "notices.md": _MADE + _notices(),
        "exports.md": _MADE + _exports(),
    }


def _parameters() -> str:
    parts = [
        "# Every field of a sales channel\n",
        "Set a field with `chansync channel set CHANNEL field=value`; `chansync channel show CHANNEL` shows them all.",
    ]
    for number, title in SECTIONS.items():
        fields = [parameter for parameter in PARAMETERS if parameter.section == number]
        if not fields:
            command = {4: "payment", 5: "delivery"}[number]
            parts.append(f"## {title}\n\nA table of its own: `chansync map {command} CHANNEL`.\n")
            continue
        parts.append(f"## {title}\n\n| field | type | default | what it does |\n| --- | --- | --- | --- |")
        parts += [_row(parameter) for parameter in fields]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _row(parameter: Parameter) -> str:
    notes = [parameter.help]
    if parameter.only_with:
        notes.append(f"Only with {' and '.join(f'`{name}`' for name in parameter.only_with)}.")
    if parameter.needed:
        notes.append("A channel in use needs it.")
    default = parameter.type.show(
        list(parameter.default) if isinstance(parameter.default, tuple) else parameter.default
    )
    return f"| `{parameter.name}` | {parameter.type.word} | {default} | {' '.join(notes)} |"


def _systems() -> str:
    parts = [
        "# Every field of an integration system\n",
        "A platform whose channels share one account keeps its keys on the system: `chansync system set SYSTEM "
        "field=value`. `chansync system kinds` lists the same fields, those of platforms installed beside too.\n",
    ]
    for kind in ("amazon", "woocommerce"):
        platform = registry.platform(kind)
        parts.append(f"## {platform.label} (`--kind {kind}`)\n")
        if not platform.system_parameters:
            parts.append("None: each channel has its own address and keys.\n")
            continue
        parts.append("| field | type | what it does |\n| --- | --- | --- |")
        parts += [_system_row(parameter) for parameter in platform.system_parameters]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _system_row(parameter: Parameter) -> str:
    needed = " Needed." if parameter.needed else ""
    return f"| `{parameter.name}` | {parameter.type.word} | {parameter.help}{needed} |"


def _messages() -> str:
    parts = [
        "# What the message log says\n",
        "`chansync log` shows the log, `chansync log show ID` one message with its data.",
        "Problems stay open until they are solved; warnings and events are told once.",
        "`chansync mend ID` lists what mends a message, with everything filled in; `chansync mend ID REMEDY` does "
        "it.\n",
        "| code | severity | mended by | what it means | what to do | remedies |\n"
        "| --- | --- | --- | --- | --- | --- |",
    ]
    parts += [
        f"| `{code.code}` | {code.severity} | {code.error_class} | {code.title} | {code.remedy} | "
        f"{', '.join(f'`{remedy.name}`' for remedy in REMEDIES[code.code])} |"
        for code in CODES.values()
    ]
    parts += ["\n## Remedies\n", "What a remedy runs. Words in capitals are added: `chansync mend ID REMEDY WORD…`\n"]
    parts.append("| remedy | what it does | command |\n| --- | --- | --- |")
    shown = dict.fromkeys(
        (remedy.name, remedy.sentence, _NAME.sub(lambda name: name[1].upper(), remedy.command))
        for offered in REMEDIES.values()
        for remedy in offered
    )
    parts += [
        f"| `{name}` | {sentence} | {f'`{command}`' if command else '`chansync mend` itself'} |"
        for name, sentence, command in sorted(shown)
    ]
    return "\n".join(parts) + "\n"


def _notices() -> str:
    parts = [
        "# Services that notices can be sent by\n",
        "`chansync notices add USER NAME` asks for the address of the service. It holds secrets: it is typed unseen, "
        "sealed, and never shown.",
        "All of them are asked over HTTPS, redirects are not followed, and certificates are always verified. An "
        "address without TLS is for a host on this machine only.",
        "Other services, and other parameters after the `?` of an address, are refused: some would read files or act "
        "on the machine of the daemon.",
        "E-mail goes through the mail server of `chansync notices set`.\n",
        "| service | address | parameters | without TLS |\n| --- | --- | --- | --- |",
    ]
    for service in sorted(SERVICES.values(), key=lambda each: each.title.casefold()):
        own = ["`+HEADER=`", "`:FIELD=`", "`-QUERY=`"] if service.own_fields else []
        parameters = ", ".join([*(f"`{name}`" for name in service.parameters), *own])
        plain = f"`{service.plain}://`" if service.plain else ""
        parts.append(f"| {service.title} | `{service.address}` | {parameters} | {plain} |")
    parts.append(
        "\nThe host of a Matrix address is the home server itself; it is not looked up by its `.well-known` file."
    )
    return "\n".join(parts) + "\n"


def _exports() -> str:
    parts = [
        "# The columns of exports\n",
        "`chansync export sales`, `orders`, `documents`, `payments` and `stock` write these columns, in this order. "
        "Names and order stay; a later version may add columns at the end.\n",
        "- An *amount* is an exact decimal in major units, with the decimals of its currency: `1234.50`. In JSON it is "
        "text, so that no reader rounds it; in a workbook it is a number.",
        "- A *time* is UTC: `2026-11-24T12:05:00Z`. A day is `2026-11-24`.",
        "- In CSV, a text that a spreadsheet would take for a formula begins with an apostrophe.\n",
    ]
    for name, export in EXPORTS.items():
        parts.append(f"## {name}\n\n{export.about}\n\n| column | type | what it is |\n| --- | --- | --- |")
        parts += [f"| `{column.name}` | {column.kind} | {column.help} |" for column in export.columns]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    """Write the pages, and the description of the protocol of ERPs over HTTP."""
    REFERENCE.mkdir(exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text)
    openapi.FILE.write_text(openapi.as_text())


if __name__ == "__main__":
    main()
