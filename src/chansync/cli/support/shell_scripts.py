"""The completion scripts for bash, zsh and fish: click's, changed so that ``field=value`` is completed as one word.

bash splits words at ``=`` and ``:``, so the script passes the whole line. A shell adds a blank after a completed word,
which must not happen after ``field=``.
"""

from __future__ import annotations

import os
from typing import Any

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' completion type value response
    response=$(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
%(complete_var)s=bash_complete "$1")
    COMPREPLY=()
    for completion in $response; do
        type="${completion%%%%,*}" value="${completion#*,}"
        if [[ $type == dir ]]; then
            compopt -o dirnames
        elif [[ $type == file ]]; then
            compopt -o default
        elif [[ $type == plain ]]; then
            [[ $value == *= ]] && compopt -o nospace
            COMPREPLY+=("$value")
        fi
    done
    return 0
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class Bash(BashComplete):
    """bash, which passes the line as it is typed."""

    source_template = _BASH
    kept = 0

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)
        incomplete = "" if line[-1:].isspace() or not words else words.pop()
        # bash replaces only the part after the last of these characters.
        breaks = [character for character in "=:" if character in os.environ.get("COMP_WORDBREAKS", "=:")]
        self.kept = max((incomplete.rfind(character) + 1 for character in breaks), default=0)
        return words[1:], incomplete

    def format_completion(self, item: CompletionItem[Any]) -> str:
        return f"{item.type},{item.value[self.kept :]}"


class Zsh(ZshComplete):
    """zsh, without a blank after ``field=``."""

    source_template = ZshComplete.source_template.replace(
        "        compadd -U -V unsorted -a completions\n",
        "        local -a open whole\n"
        "        open=(${(M)completions:#*=}) whole=(${completions:#*=})\n"
        "        compadd -U -V unsorted -S '' -a open\n"
        "        compadd -U -V unsorted -a whole\n",
    )


class Fish(FishComplete):
    """fish, with commas in values."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split -m 1 ","')


def install() -> None:
    """Register them with click."""
    for each in (Bash, Zsh, Fish):
        add_completion_class(each)
