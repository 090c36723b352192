"""The entry point of `chatmaild`. A service starts without click, to save its memory."""

import importlib
import sys
from pathlib import Path
from typing import Final

from chatmaild import exits, logs
from chatmaild.settings import DEFAULT_PATH, Settings

VERSION: Final = Path(__file__).with_name("VERSION").read_text().strip()

# the subcommands that run until SIGTERM, and the packages that do their work
PACKAGES: Final = {
    "accounts": "chatmaild.accounts",
    "directory": "chatmaild.directory",
    "filter": "chatmaild.filter",
    "transport": "chatmaild.transport",
    "metrics": "chatmaild.monitor",
    "rebalance": "chatmaild.rebalance",
}


def run(name: str, settings_path: Path = DEFAULT_PATH) -> None:
    """Run a service until SIGTERM.

    Raises:
        OSError: a socket or a directory cannot be used.
        SettingsError: the settings cannot be used.
    """
    importlib.import_module(PACKAGES[name]).run(Settings.load(settings_path))


def main() -> None:
    """Run the service that is the only argument, as in its unit; click reads all other commands."""
    match sys.argv[1:]:
        case [name] if name in PACKAGES:
            logs.set_up()
            sys.exit(exits.exit_code(lambda: run(name)))
    # click, see above
    from chatmaild import cli

    cli.main()
