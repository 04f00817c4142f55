"""``chansync channel export`` and ``import``: TOML files."""

from __future__ import annotations

import click

from chansync.cli.setup_files import apply_files, write
from chansync.cli.support import completing
from chansync.cli.support.lazy import examples
from chansync.cli.support.named_files import FileType, InputFile, OutputFile
from chansync.cli.support.session import Session, pass_session


@click.command(
    epilog=examples("chansync channel export > channels.toml", "chansync channel export shop-de -o shop.toml")
)
@click.argument("codes", shell_complete=completing.channels, metavar="[CODE]...", nargs=-1)
@click.option(
    "-o", "--output", metavar="FILE", type=FileType(lambda path: OutputFile(path, mode=0o666)), help="Write to a file."
)
@pass_session
def export(session: Session, codes: tuple[str, ...], output: OutputFile | None) -> None:
    """Write channels (none named: all) with their systems and mappings as TOML. Secrets are left out.

    The whole set-up is written by chansync export-setup.
    """
    from chansync.setup.setup_file.exporting import export_channels

    write(session, output, lambda: export_channels(session.db, codes))


@click.command(
    "import", epilog=examples("chansync channel import channels.toml --dry-run", "chansync channel import -")
)
@click.argument("source", metavar="FILE", type=FileType(InputFile))
@click.option("--dry-run", is_flag=True, help="Say what would change, and write nothing.")
@pass_session
def import_file(session: Session, source: InputFile, dry_run: bool) -> None:
    """Read systems, channels and mappings from TOML (- is standard input): the same as chansync apply FILE.

    The file is the whole truth for each channel in it: a field that it does not name gets its default.
    """
    apply_files(session, (source,), check=dry_run)
