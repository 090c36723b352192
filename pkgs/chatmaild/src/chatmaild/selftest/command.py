"""The operator's command."""

import sys
from pathlib import Path

import click

from chatmaild.selftest.report import as_json, as_text, is_healthy
from chatmaild.selftest.run import run
from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically


@click.command()
@click.option("--json", "wants_json", is_flag=True, help="Print the report as JSON.")
@click.option("--report", type=click.Path(path_type=Path), help="Also write it here, as JSON.")
@click.pass_obj
def selftest(settings_path: Path, wants_json: bool, report: Path | None) -> None:
    """Try out this relay: log in, send, fetch; certificate, DKIM key, queue, push."""
    checks = run(Settings.load(settings_path))
    if report is not None:
        write_atomically(report, as_json(checks).encode(), mode=0o644)
    click.echo(as_json(checks) if wants_json else as_text(checks))
    sys.exit(0 if is_healthy(checks) else 1)
