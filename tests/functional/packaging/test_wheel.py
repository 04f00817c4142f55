"""The wheel and the source distribution: what an index and a machine without the source get."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from chansync import __version__
from e2e.terminal import Terminal

ROOT = Path(__file__).parents[3]
#: Where each package lies in the source.
PACKAGES = {"chansync": "src", "chansync_daemon": "daemon", "chansync_tui": "tui"}

pytestmark = pytest.mark.long


@pytest.fixture
def wheel(built: Path) -> Path:
    return built / f"chansync-{__version__}-py3-none-any.whl"


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    there = {
        str(path.relative_to(ROOT / folder))
        for package, folder in PACKAGES.items()
        for path in (ROOT / folder / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == there


def test_what_builds_the_program_and_its_package_is_in_the_source_distribution(built: Path) -> None:
    with tarfile.open(built / f"chansync-{__version__}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "Makefile", "LICENSE", "daemon/debian/rules", "tests/conftest.py"} <= names
    assert not [name for name in names if name.endswith(".pyc")]


def test_an_index_would_take_them(built: Path) -> None:
    command = [sys.executable, "-m", "twine", "check", "--strict", *map(str, built.iterdir())]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_description_links_to_no_file_of_the_source(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(f"chansync-{__version__}.dist-info/METADATA").decode()
    assert "chansync keeps a company's ERP and its online shops in step." in text
    assert "](" not in text
    assert "Project-URL" not in text


def test_pipx_installs_a_program_that_works_without_the_source(wheel: Path, tmp_path: Path) -> None:
    places = {name: str(tmp_path / name) for name in ("PIPX_HOME", "PIPX_BIN_DIR", "PIPX_MAN_DIR")}
    kept = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "HTTP", "SSL", "NO_PROXY"))}
    environment = kept | places | {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}

    def run(*command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(sys.executable, "-m", "pipx", "install", "--python", sys.executable, str(wheel))
    program = str(tmp_path / "PIPX_BIN_DIR" / "chansync")
    assert run(program, "--version") == run(f"{program}d", "--version") == f"chansync {__version__}\n"
    # The daemon, and the demo's data.
    assert "Nothing lost, nothing doubled" in run(program, "demo", "--headless", "--orders", "20", "--seconds", "2")
    # The unit and what belongs to it.
    run(program, "service", "install", "--root", str(tmp_path / "root"), "--program", "/usr/bin/chansync")
    assert (tmp_path / "root/etc/systemd/system/chansync.service").exists()
    # The screens and their style sheet.
    database = str(tmp_path / "shop.db")
    run(program, "--db", database, "db", "init")
    with Terminal([program, "--db", database], tmp_path) as terminal:
        terminal.until("chansync", "Quit")
        terminal.press("q")
        assert terminal.ended() == 0
