"""The page for developers of an ERP of their own: its commands run as shown, and print what it shows."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chansync.demo.ports import hold_port, port_of
from chansync.erp.http import HTTP
from chansync.model.wire import STEPS
from support.patience import PATIENCE

PAGE = Path(__file__).parents[3] / "docs" / "own-erp.md"


def commands() -> Iterator[tuple[str, list[str]]]:
    """Each command of the page, and the lines that it prints there."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            command = [lines.pop(0)]
            while lines and (command[-1].endswith("\\") or lines[0].startswith("> ")):
                command.append(lines.pop(0).removeprefix("> "))
            yield "\n".join(command), lines


def fits(printed: str, shown: list[str]) -> bool:
    """Whether what is shown was printed; … stands for anything, and alone in a line for any lines."""
    pattern = "".join(
        "(?:.*\n)*?" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n" for line in shown
    )
    return re.fullmatch(pattern, printed if printed.endswith("\n") or not printed else f"{printed}\n") is not None


def test_the_page_names_every_step_and_every_ability() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text.partition("#### Each step")[2], re.MULTILINE) == list(STEPS)
    [lacks] = re.findall(r"^Where the table names no code.*?\n\n", text, re.MULTILINE | re.DOTALL)
    assert {f"`{each}`" for each in HTTP.capabilities} <= set(re.findall(r"`\w+`", lacks))


@pytest.mark.e2e
@pytest.mark.long
def test_the_commands_of_the_page_run_as_shown(tmp_path: Path) -> None:
    # Nobody else's ports: other tests run beside.
    held = {port: hold_port() for port in ("8095", "8096")}
    ports = {port: str(port_of(other)) for port, other in held.items()}
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python").symlink_to(sys.executable)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    shell = subprocess.Popen(
        ["bash", "--norc"], cwd=tmp_path, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    with shell, contextlib.ExitStack() as end:
        end.callback(os.killpg, shell.pid, signal.SIGKILL)
        for other in held.values():
            end.enter_context(other)
        seen = 0
        for command, shown in commands():
            for port, other in ports.items():
                command = command.replace(port, other)
                shown = [line.replace(port, other) for line in shown]
            command = command.replace("serve-example >", f"serve-example --port {ports['8095']} >")
            printed, code = _ask(shell, command)
            assert code == 0 or command.startswith("chansync sync"), f"{command}\n{printed}"
            if shown:
                assert fits(printed, shown), f"{command}\nprints\n{printed}\nand the page shows\n" + "\n".join(shown)
            if command.endswith("&"):
                _wait_for(tmp_path / command.removesuffix("&").split(">")[-1].strip())
            seen += 1
        assert seen > 20


def _ask(shell: subprocess.Popen[str], command: str) -> tuple[str, int]:
    """What a command prints, and its exit code."""
    assert shell.stdin is not None
    assert shell.stdout is not None
    shell.stdin.write(f"{command}\ncode=$?; echo; echo THE-END $code\n")
    shell.stdin.flush()
    printed: list[str] = []
    while not (line := shell.stdout.readline()).startswith("THE-END"):
        assert line, "".join(printed)
        printed.append(line)
    # The line that the echo began.
    return "".join(printed).removesuffix("\n"), int(line.split()[1])


def _wait_for(file: Path) -> None:
    """Wait until a program that was started has said where it is."""
    until = time.monotonic() + PATIENCE
    # The shell goes on before the program has made its file.
    while not file.exists() or not re.search(r"Its token: \S+\n|consumer_secret", file.read_text()):
        assert time.monotonic() < until, file
        time.sleep(0.1)
