"""``chansync service``: the daemon as a service of this machine, under systemd."""

from __future__ import annotations

from pathlib import Path

import click

from chansync.cli.support import exit_codes
from chansync.cli.support.lazy import command
from chansync.cli.support.output import add_facts, is_agreed, note, print_json, say, say_each
from chansync.cli.support.session import Session
from chansync_daemon.systemd import installation
from chansync_daemon.systemd.files import State
from chansync_daemon.systemd.installation import Standing

_ROOT = click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("/"),
    metavar="FOLDER",
    help="Another file system's root, for packagers: only files are written, nothing is started.",
)


@command("chansync service install", "chansync service install --dry-run")
@_ROOT
@click.option("--program", metavar="PATH", help="The chansync that the service starts, where it is not this one.")
@click.option("--dry-run", is_flag=True, help="Print the files, write nothing. Needs no root.")
@click.option("--force", is_flag=True, help="Replace a file that was edited by hand; it is kept as .edited.")
def install(root: Path, program: str | None, dry_run: bool, force: bool) -> None:
    """Put the service in place. Needs root. Doing it again, after an upgrade for example, does no harm.

    A user and group chansync, the folders /var/lib/chansync for the database, /var/lib/chansync-private for the private
    key and /var/backups/chansync, a unit that runs this very installation in a sandbox, and a timer of its backups.
    Nothing is started. Where the Debian package brings the service, there is nothing to install.
    """
    files = installation.plan(root.absolute(), program)
    if dry_run:
        for file in files:
            say(f"# {file.path}: {file.state()}\n{file.text}")
        return
    changed = say_each(installation.install(root.absolute(), files, force=force))
    if root.absolute() != installation.ROOT:
        say("Nothing was started: only files were written.")
        return
    add_facts(changed=changed)
    if not changed:
        say("The service is in place already.")
    _next_steps(installation.standing(root.absolute()))


def _next_steps(found: Standing) -> None:
    say("\nNext:")
    rows = [
        ("systemctl enable --now chansync", "start it now, and at every boot"),
        ("usermod -aG chansync NAME", "let a colleague use the commands and the screens"),
        ("chansync status", "see what it does"),
        ("systemctl list-timers chansync*", "when the next backup is made; in /var/backups/chansync"),
    ]
    if found.service.active == "active":
        rows[0] = ("systemctl restart chansync", "let the new version and unit take effect")
    elif not found.service.active:
        rows[0] = ("systemctl enable --now chansync", "once systemd runs here: it does not now")
    for line, purpose in rows:
        say(f"  {line:<33}{purpose}")


@command("chansync service uninstall")
@_ROOT
@click.option("--force", is_flag=True, help="Remove files that were edited by hand, too.")
def uninstall(root: Path, force: bool) -> None:
    """Stop the service and take its files away. Needs root. The database, the private key, user and group stay."""
    changed = say_each(installation.uninstall(root.absolute(), force=force))
    add_facts(changed=changed)
    if not changed:
        say("The service is not installed.")
        return
    if root.absolute() == installation.ROOT and not installation.is_packaged(root):
        say("Data, user and group are left. To remove them, and every order with them, for good:")
        say(f"  {installation.removal()}")


@command("chansync service status", "chansync service status --json")
@_ROOT
def status(root: Path, as_json: bool) -> int:
    """How the service stands, and why it does not run.

    Exit code 1 where it failed, is not installed, or not as this version would install it.
    """
    found = installation.standing(root.absolute())
    is_current = all(state is State.CURRENT for _, state in found.files)
    is_well = is_current and not found.service.trouble
    if as_json:
        service = found.service
        print_json(
            {
                "installed": found.installed, "current": is_current, "active": service.active,
                "enabled": service.enabled, "trouble": service.trouble, "exit_code": service.exit_code,
                "restarts": service.restarts, "files": {str(file.path): str(state) for file, state in found.files},
                "user": found.user, "members": found.members, "directory": found.directory,
            }
        )  # fmt: skip
    else:
        _show(found, here=root.absolute() == installation.ROOT)
    return exit_codes.OK if is_well else exit_codes.PROBLEMS


def _show(found: Standing, *, here: bool) -> None:
    for file, state in found.files:
        say(f"{file.path}: {_STATES[state]}")
    service = found.service
    if service.active:
        enabled = service.enabled or "not installed"
        say(f"The service is {service.active} and {enabled}. More: systemctl status chansync")
        if service.trouble:
            say(f"{service.trouble}.".replace("..", "."))
        if service.active == "failed":
            say("When that is mended: systemctl start chansync")
    if here and not found.user:
        say("There is no user chansync yet.")
    elif here:
        members = ", ".join(found.members) or "nobody; add a colleague: usermod -aG chansync NAME"
        folder = "" if found.directory else " One of its folders is missing (chansync service install)."
        say(f"The user chansync is there.{folder} In its group: {members}.")
    if not found.installed:
        say("Install it: chansync service install")


@command("chansync service take-over")
@click.option("--yes", is_flag=True, help="Do not ask.")
def take_over(session: Session, yes: bool) -> int:
    """Let the daemon of this machine work on a database that another machine's daemon worked on within a day.

    The daemon then starts with systemctl start chansync. Without a service: chansync daemon --take-over
    """
    from chansync.store import daemons

    state = daemons.state(session.db)
    if state is None or state.here or state.stopped_at is not None:
        add_facts(changed=False)
        say("No daemon of another machine is known here. Start this one's: systemctl start chansync")
        return exit_codes.OK
    note(f"Two daemons on two copies would both send to the sites: {state.host} must be off, or its service disabled.")
    if not is_agreed(f"Is the daemon of {state.host} off?", "Nothing was changed", yes=yes):
        return exit_codes.PROBLEMS
    daemons.forget(session.db)
    add_facts(changed=True, host=state.host)
    say("The daemon of this machine may start: systemctl start chansync")
    return exit_codes.OK


_STATES = {
    "missing": "not there",
    "current": "in place",
    "outdated": "made by another version or installation; bring it up to date: chansync service install",
    "edited": "edited by hand; it is left as it is",
    "hiding": "of an earlier installation, used instead of the package's; remove it: chansync service uninstall",
}
