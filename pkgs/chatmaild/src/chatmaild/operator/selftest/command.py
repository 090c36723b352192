"""What `chatmail selftest` prints, and where it stores the report."""

from collections.abc import Sequence
from pathlib import Path

import click

from chatmaild.cli import EXIT_FAILED
from chatmaild.errors import ChatmaildError
from chatmaild.operator.selftest import listing as listed
from chatmaild.operator.selftest.report import Report, as_text, path, write
from chatmaild.operator.selftest.run import checks_of
from chatmaild.operator.selftest.run import run as run_checks
from chatmaild.settings import Settings


def run(
    settings: Settings,
    *,
    wants_json: bool,
    only: Sequence[str],
    listing: bool,
    report: Path | None,
) -> int:
    """Run the checks, print them, and return the exit code."""
    if listing and settings.cluster.role == "store":
        raise ChatmaildError(f"run this on a front: {', '.join(settings.cluster.fronts)}")
    checks = checks_of(settings) | (listed.CHECKS if listing else {})
    if unknown := sorted(set(only) - checks.keys()):
        raise click.UsageError(
            f"there is no check {', '.join(unknown)}; there are: {', '.join(checks)}"
        )
    found = run_checks(settings, checks, only)
    if not only and not listing:
        _keep(settings, found)
    if report is not None:
        write(report, found)
    click.echo(found.to_json() if wants_json else _text(found), nl=not wants_json)
    return 0 if found.is_healthy else EXIT_FAILED


def _keep(settings: Settings, found: Report) -> None:
    """Store the report for `chatmail status` and the metrics."""
    try:
        write(path(settings), found)
    except OSError as error:
        click.echo(f"cannot write {path(settings)}: {error.strerror}", err=True)


def _text(found: Report) -> str:
    wrong = len(found.failed)
    end = f"{wrong} of {len(found.checks)} checks failed" if wrong else "the relay is well"
    return f"{as_text(found.checks)}\n{end} ({found.duration_s:.1f} s)"
