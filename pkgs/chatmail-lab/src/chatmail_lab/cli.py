"""The `lab` command."""

import os
import sys
from pathlib import Path

import click

from chatmail_lab import table
from chatmail_lab.errors import LabError
from chatmail_lab.lab import Lab
from chatmail_lab.needs import check_machine
from chatmail_lab.root import ready_root

_PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}
_CONFIG = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Nix file with the operator's own NixOS configuration for all relays.",
)


class _Group(click.Group):
    """Commands whose expected errors become one message and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except LabError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--name",
    envvar="CHATMAIL_LAB",
    default="lab",
    show_default=True,
    help="Which lab; several can run side by side.",
)
@click.pass_context
def main(ctx: click.Context, name: str) -> None:
    """Chatmail relays in containers on this machine, without any network."""
    ctx.obj = Lab(name)


class _Progress:
    """A bar on stderr while the Debian root is made; nothing if it exists."""

    def __init__(self) -> None:
        self._percent = -1

    def __call__(self, fraction: float, line: str) -> None:
        percent = int(fraction * 100)
        if percent == self._percent:
            return
        self._percent = percent
        bar = "#" * (percent // 4)
        text = f"making the Debian root (once) [{bar:<25}] {percent:3} %"
        if sys.stderr.isatty():
            click.echo(f"\r{text} {line[:40]:<40}", err=True, nl=percent >= 99)
        elif percent % 10 == 0:
            click.echo(text, err=True)


def _say(text: str) -> None:
    click.echo(f"{text} ...", err=True)


@main.command()
@click.argument("domains", nargs=-1, required=True)
@_CONFIG
@click.option(
    "--keep-broken", is_flag=True, help="Let a lab with a failed unit run, to look into it."
)
@click.pass_obj
def up(lab: Lab, domains: tuple[str, ...], config: Path | None, keep_broken: bool) -> None:
    """Start relays for DOMAINS, instead of what runs under this name."""
    lab.start(domains, config=config, keep_broken=keep_broken, say=_say, report=_Progress())
    click.echo(table.status(lab.assembly(), started_s=lab.state().started_s))


@main.command()
@click.pass_obj
def down(lab: Lab) -> None:
    """Stop everything and delete it."""
    lab.stop()


@main.command()
@click.pass_obj
def status(lab: Lab) -> None:
    """Show the hosts and what they use."""
    click.echo(table.status(lab.assembly(), started_s=lab.state().started_s))


@main.command("exec", context_settings=_PASS_ON)
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def execute(lab: Lab, host: str, command: tuple[str, ...]) -> None:
    """Run COMMAND on HOST (a shell if there is none).

    On `client` it is a command of this machine, in the lab's network.
    """
    line = lab.command(host, command or ("bash",))
    os.execvp(line[0], line)  # noqa: S606 - what was asked for


@main.command()
@click.argument("host")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.option("-u", "--unit", help="Only this unit.")
@click.option("-n", "--lines", default=1000, show_default=True, help="At most so many.")
@click.pass_obj
def logs(lab: Lab, host: str, follow: bool, unit: str | None, lines: int) -> None:
    """Show the journal of HOST."""
    line = lab.log_command(host, follow=follow, unit=unit, lines=lines)
    os.execvp(line[0], line)  # noqa: S606 - what was asked for


@main.command()
@click.argument("host")
@click.pass_obj
def cut(lab: Lab, host: str) -> None:
    """Let all packets to and from HOST vanish."""
    lab.cut(host)


@main.command()
@click.argument("host")
@click.pass_obj
def heal(lab: Lab, host: str) -> None:
    """Undo `cut`."""
    lab.heal(host)


@main.command()
def root() -> None:
    """Print the directory of the shared Debian root; makes it if needed."""
    check_machine()
    click.echo(ready_root(_Progress()))
