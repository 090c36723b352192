"""The command `chatmail-www`: build the folder that the web server of a relay serves."""

import sys
from pathlib import Path

import click
from chatmaild.errors import SettingsError

from chatmail_www.errors import SiteError
from chatmail_www.settings import Settings
from chatmail_www.site import build_site, write_site

VERSION = Path(__file__).with_name("VERSION").read_text().strip()


@click.command()
@click.version_option(VERSION, prog_name="chatmail-www", message="%(prog)s %(version)s")
@click.option(
    "--settings",
    "settings_file",
    required=True,
    type=click.Path(path_type=Path),
    help="The settings of the relay and its pages (JSON).",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to create or replace.",
)
def main(settings_file: Path, out: Path) -> None:
    """Build the web pages of a chatmail relay; exits 78 if the settings are invalid."""
    try:
        files = build_site(Settings.load(settings_file))
        write_site(files, out)
    except (SettingsError, SiteError) as error:
        click.echo(error, err=True)
        sys.exit(78 if isinstance(error, SettingsError) else 1)


if __name__ == "__main__":
    main()
