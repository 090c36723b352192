"""Print the state once, or with --watch every 2 s."""

import os
import time
from typing import Final

import click

from chatmaild.cli import EXIT_FAILED
from chatmaild.operator.status import problems, screen, state
from chatmaild.settings import Settings

EVERY_S: Final = 2.0


def run(settings: Settings, *, wants_json: bool, watch: bool) -> int:
    """Print the state; return 0 without a problem, otherwise 1."""
    if not watch:
        return _show(settings, wants_json=wants_json, clear=False)
    try:
        while True:
            _show(settings, wants_json=wants_json, clear=not wants_json)
            time.sleep(EVERY_S)
    except KeyboardInterrupt:
        return 0


def _show(settings: Settings, *, wants_json: bool, clear: bool) -> int:
    found = state.gather(settings)
    wrong, notes = problems.find(found), problems.notes(found)
    text = (
        screen.document(found, wrong, notes)
        if wants_json
        else "\n".join(screen.lines(found, wrong, notes))
    )
    if clear:
        click.clear()
    # None: colours on a terminal only (NO_COLOR: no-color.org)
    click.echo(text, color=False if os.environ.get("NO_COLOR") else None)
    return EXIT_FAILED if wrong else 0
