"""The `lab` command."""

import json
import os
from dataclasses import replace
from pathlib import Path

import click

from chatmail_lab import table
from chatmail_lab.errors import LabError
from chatmail_lab.evaluate import default_values, describe, evaluate, evaluate_expression
from chatmail_lab.lab import Lab
from chatmail_lab.needs import check_machine
from chatmail_lab.plan import plan_hosts
from chatmail_lab.progress import Progress
from chatmail_lab.render import render_relay
from chatmail_lab.root import ready_root
from chatmail_lab.tree import Tree

_VERSION = Path(__file__).with_name("VERSION").read_text().strip()
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
@click.version_option(_VERSION, prog_name="chatmail-lab", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, name: str) -> None:
    """Chatmail relays in containers on this machine, without any network."""
    ctx.obj = Lab(name)


def _say(text: str) -> None:
    click.echo(f"{text} ...", err=True)


@main.command()
@click.argument("domains", nargs=-1, required=True)
@_CONFIG
@click.option("--disk", metavar="SIZE", help="Limit each host's disk, such as 400M; in memory.")
@click.option("--classic", "classics", multiple=True, help="Domain of a plain mail server.")
@click.option(
    "--keep-broken", is_flag=True, help="Let a lab with a failed unit run, to look into it."
)
@click.pass_obj
def up(
    lab: Lab,
    domains: tuple[str, ...],
    classics: tuple[str, ...],
    config: Path | None,
    disk: str | None,
    keep_broken: bool,
) -> None:
    """Start relays for DOMAINS, instead of what runs under this name."""
    lab.start(
        domains,
        classics=classics,
        config=config,
        disk=disk,
        keep_broken=keep_broken,
        say=_say,
        report=Progress(),
    )
    click.echo(table.status(lab.assembly(), started_s=lab.state().started_s))


@main.command()
@_CONFIG
@click.pass_obj
def reconfigure(lab: Lab, config: Path | None) -> None:
    """Take the checkout as it is now into use on the running relays; their mail stays.

    Only the units that changed are restarted, as by a switch of NixOS.
    """
    lab.reconfigure(config=config, say=_say)


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
    click.echo(_root())


@main.command("eval")
@click.argument("domains", nargs=-1)
@_CONFIG
@click.option("--values", default="{}", help="JSON with values of services.chatmail.")
@click.option("--expr", help="A Nix expression instead, with `lib` in scope.")
def evaluate_(domains: tuple[str, ...], config: Path | None, values: str, expr: str | None) -> None:
    """Print the description of relays for DOMAINS as JSON, by domain.

    Each is { cfg, settings, pages, zone, failures, config }; failures are those of assertions.
    """
    if expr is not None:
        click.echo(evaluate_expression(_root(), expr))
        return
    given = {domain: default_values(domain) | json.loads(values) for domain in domains}
    answer = evaluate(_root(), given, config=config)
    click.echo(json.dumps(answer, indent=1, sort_keys=True))


@main.command()
@click.argument("domain")
@_CONFIG
@click.option("--output", required=True, type=click.Path(file_okay=False, path_type=Path))
def render(domain: str, config: Path | None, output: Path) -> None:
    """Write the files of the relay for DOMAIN below a directory, as root's, without starting it."""
    described = describe(_root(), plan_hosts([domain]), config=config)
    files = render_relay(described[domain].config)
    for file in files:
        Tree(output).write(replace(file, user="0", group="0"))


def _root() -> Path:
    check_machine()
    return ready_root(Progress())
