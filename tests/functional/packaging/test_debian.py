"""The Debian package: what of it is made from the program, and the package itself, where its tools are installed."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from chansync import __version__
from chansync.cli.program import program
from chansync_daemon.systemd.files import PLACES

#: Exit codes for what is no fault of the package: apt or pip could not fetch something, this machine allows no mounts.
NOT_FETCHED, NOT_MOUNTED = 75, 77

#: Installs the package ($2) in a copy of this system ($1), which is gone when this ends, uses it, and purges it.
INSTALLS = """
set -eu
mount -t tmpfs none "$1" || exit 77
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" none "$1/root" || exit 77
mount --rbind /dev "$1/root/dev" || exit 77
mount --rbind /proc "$1/root/proc" || exit 77
cat /etc/resolv.conf > "$1/root/etc/resolv.conf"
mkdir -p "$1/root/var/tmp"
cp "$2" "$1/root/var/tmp/chansync.deb"
exec chroot "$1/root" sh -eu -c "$3"
"""
USES = """
export DEBIAN_FRONTEND=noninteractive
# Nothing is started: there is no systemd here.
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
with=
command -v systemd-sysusers > /dev/null || with=systemd-standalone-sysusers
apt-get install --yes --no-install-recommends --download-only /var/tmp/chansync.deb $with || exit 75
apt-get install --yes --no-install-recommends /var/tmp/chansync.deb $with
cd /
chansync --version
chansyncd --version
getent passwd chansync
apt-get purge --yes chansync
test ! -e /usr/lib/chansync
test ! -e /usr/bin/chansync
"""

DEBIAN = Path(__file__).parents[3] / "daemon" / "debian"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DEBIAN / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _leaves(command: click.Command, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Each command that is no group, by its words."""
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from _leaves(inner, click.Context(inner, parent=context, info_name=name))
    else:
        yield context.command_path, command


def _plain(page: str) -> str:
    """The page's text without what it says to roff."""
    text = page.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "\\").replace("\\(dq", '"')
    return " ".join(re.sub(r"^\.\w+ ?|\\&", "", text, flags=re.MULTILINE).split())


def test_the_manual_has_every_command_with_its_options_and_examples(generate: ModuleType) -> None:
    text = _plain(generate.man_pages()["chansync.1"])
    missing = []
    for words, command in _leaves(program, click.Context(program, info_name="chansync")):
        options = [option for parameter in command.params for option in parameter.opts if option.startswith("--")]
        shown = [line.strip() for line in (command.epilog or "").split("\n")[2:]]
        missing += [f"{words}: {part}" for part in (words, *options, *shown) if " ".join(part.split()) not in text]
    assert missing == []


def test_the_daemons_page_tells_the_exit_codes_that_the_unit_does_not_restart(generate: ModuleType) -> None:
    page = generate.man_pages()["chansyncd.8"]
    told = re.findall(r"^\.B (\d+)$", page, re.MULTILINE)
    unit = (DEBIAN.parent / "chansync_daemon/systemd/chansync.service").read_text()
    final = re.search(r"^RestartPreventExitStatus=(.*)$", unit, re.MULTILINE)
    assert final
    assert set(final[1].split()) <= set(told)
    assert ".SH NAME\nchansyncd \\- " in page


@pytest.mark.parametrize("name", ["chansync.1", "chansyncd.8"])
def test_no_line_of_a_page_is_taken_for_a_request(generate: ModuleType, name: str) -> None:
    requests = {line.split()[0] for line in generate.man_pages()[name].splitlines() if line[:1] in {".", "'"}}
    assert requests <= {".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".BR", ".RI", ".nf", ".fi", ".RS", ".RE"}


@pytest.mark.long
def test_what_the_package_gets_is_where_debian_looks_for_it(generate: ModuleType, tmp_path: Path) -> None:
    generate.main(tmp_path)
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    services = {f"root/{place.replace('etc/', 'usr/lib/', 1)}" for place in PLACES.values()}
    assert made == {
        "man/chansync.1",
        "man/chansyncd.8",
        "root/usr/share/bash-completion/completions/chansync",
        "root/usr/share/zsh/vendor-completions/_chansync",
        "root/usr/share/fish/vendor_completions.d/chansync.fish",
        *services,
    }
    unit = (tmp_path / "root/usr/lib/systemd/system/chansync.service").read_text()
    assert "\nExecStart=/usr/bin/chansync daemon\n" in unit
    for path in (tmp_path / "root/usr/share").rglob("*chansync*"):
        assert not path.is_file() or "_CHANSYNC_COMPLETE=" in path.read_text()
    bash = tmp_path / "root" / generate.COMPLETIONS["bash"]
    assert subprocess.run(["bash", "-n", str(bash)], check=False).returncode == 0


@pytest.mark.parametrize("script", ["build", "chansync.postinst", "chansync.prerm", "chansync.postrm"])
def test_a_script_is_correct(script: str) -> None:
    assert subprocess.run([shutil.which("dash") or "sh", "-n", str(DEBIAN / script)], check=False).returncode == 0


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


@pytest.mark.long
def test_the_package_is_built_without_a_complaint_and_can_be_installed_and_purged(built: Path, tmp_path: Path) -> None:
    if not (shutil.which("dpkg-checkbuilddeps") and shutil.which("lintian")):
        pytest.skip("building it needs: apt install build-essential debhelper python3-venv lintian")
    if missing := _run("dpkg-checkbuilddeps", DEBIAN / "control.in").stdout:
        pytest.skip(missing.strip())
    done = _run(DEBIAN / "build", built / f"chansync-{__version__}.tar.gz", tmp_path)
    if done.returncode == NOT_FETCHED:
        pytest.skip(f"pip could not fetch the Python packages: {done.stdout[-500:]}")
    assert done.returncode == 0, done.stdout
    [package] = tmp_path.glob("chansync_*.deb")

    complaints = _run("lintian", "--fail-on", "error,warning", package)
    assert complaints.returncode == 0, complaints.stdout

    copy = tmp_path / "copy"
    copy.mkdir()
    if _run("unshare", "--mount", "true").returncode:
        pytest.skip("it was built, but not installed: that needs root, for a copy of this system")
    done = _run("unshare", "--mount", "sh", "-c", INSTALLS, "sh", copy, package, USES)
    if done.returncode == NOT_MOUNTED:
        pytest.skip(f"it was built, but a copy of this system could not be mounted: {done.stdout[-500:]}")
    if done.returncode == NOT_FETCHED:
        pytest.skip(f"it was built, but apt could not fetch what it depends on: {done.stdout[-500:]}")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(f"chansync {__version__}\n") == 2, done.stdout
