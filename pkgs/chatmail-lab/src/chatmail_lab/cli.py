"""The `lab` command."""

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import click

from chatmail_lab.description.evaluate import default_values, describe, evaluate
from chatmail_lab.description.nix import evaluate_expression
from chatmail_lab.errors import LabError
from chatmail_lab.host.rootfs import Rootfs
from chatmail_lab.image.debian import ensure_image
from chatmail_lab.lab import Lab
from chatmail_lab.machine.preflight import check_machine
from chatmail_lab.plan import plan_hosts
from chatmail_lab.progress import Progress
from chatmail_lab.render import render_relay
from chatmail_lab.status import status as status_table

_VERSION = Path(__file__).with_name("VERSION").read_text().strip()
_PASS_OPTIONS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}
_CONFIG = click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Nix file with an operator's NixOS configuration, merged into that of each relay.",
)


class _Group(click.Group):
    """Commands in the order of this file; an expected error is one message and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        return list(self.commands)

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
    metavar="NAME",
    show_default=True,
    help="Lab to use; labs with different names run side by side.",
)
@click.version_option(_VERSION, prog_name="chatmail-lab", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context, name: str) -> None:
    """Run chatmail relays in containers on this machine, without a network.

    \b
    lab up a.test b.test           start two relays
    lab exec a.test chatmail dns   run a command on one of them
    lab exec client curl https://a.test/
                                   run a command of this machine in the lab's network
    lab down                       stop the lab and delete it
    """
    ctx.obj = Lab(name)


def _say(text: str) -> None:
    click.echo(f"{text} ...", err=True)


@main.command()
@click.argument("domains", nargs=-1, required=True)
@_CONFIG
@click.option(
    "--disk", metavar="SIZE", help="Size of each host's disk, such as 400M; the disk is in memory."
)
@click.option(
    "--classic", "classics", multiple=True, metavar="DOMAIN", help="Also start a plain mail server."
)
@click.option(
    "--keep-broken", is_flag=True, help="Keep the lab up if a unit fails, to find out why."
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
    """Start relays for DOMAINS and print their status.

    A running lab of the same name is replaced. A domain that starts with `_`, or an IP address of
    192.0.2.0/24, makes a relay without a trusted certificate. `a.test=2+3` makes two fronts and
    three stores of one domain; commands for a.test then mean front1.a.test. `new.test=a.test` makes
    a second machine for the relay a.test, to which it can move.
    """
    lab.start(
        domains,
        classics=classics,
        config=config,
        disk=disk,
        keep_broken=keep_broken,
        say=_say,
        report=Progress(),
    )
    click.echo(status_table(lab.assembly(), started_s=lab.state().started_s))


@main.command()
@_CONFIG
@click.pass_obj
def reconfigure(lab: Lab, config: Path | None) -> None:
    """Apply the checkout as it is now to the running relays.

    Mail stays, and only the units whose files changed restart, as with a switch of NixOS.
    """
    lab.reconfigure(config=config, say=_say)


@main.command()
@click.argument("domain")
@click.argument("host")
@click.pass_obj
def point(lab: Lab, domain: str, host: str) -> None:
    """Publish the DNS records of DOMAIN as HOST prints them, after a move."""
    lab.point(domain, host)


@main.command()
@click.pass_obj
def down(lab: Lab) -> None:
    """Stop the lab and delete its hosts."""
    lab.stop()


@main.command()
@click.pass_obj
def status(lab: Lab) -> None:
    """Show each host's state, memory and disk space."""
    click.echo(status_table(lab.assembly(), started_s=lab.state().started_s))


@main.command("exec", context_settings=_PASS_OPTIONS_ON)
@click.argument("host")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
@click.pass_obj
def execute(lab: Lab, host: str, command: tuple[str, ...]) -> None:
    """Run COMMAND on HOST; the default is a shell.

    HOST `client` is this machine: COMMAND sees its files, but the lab's network, DNS and
    certificate authority.
    """
    line = lab.command(host, command or ("bash",))
    os.execvp(line[0], line)  # noqa: S606 - the user asked for it


@main.command()
@click.argument("host")
@click.pass_obj
def argv(lab: Lab, host: str) -> None:
    """Print, as JSON, the command line that `exec HOST` runs, without its COMMAND.

    For programs that run many commands. It is valid until HOST starts again.
    """
    click.echo(json.dumps(lab.command(host, ())))


@main.command()
@click.pass_obj
def hosts(lab: Lab) -> None:
    """Print all hosts as JSON, each with its domain and its role there."""
    click.echo(json.dumps([asdict(host) for host in lab.hosts()], indent=1))


@main.command()
@click.argument("host")
@click.option("-f", "--follow", is_flag=True, help="Print new lines as they arrive.")
@click.option("-u", "--unit", metavar="UNIT", help="Show this unit only.")
@click.option("-n", "--lines", default=1000, show_default=True, help="Maximum number of lines.")
@click.pass_obj
def logs(lab: Lab, host: str, follow: bool, unit: str | None, lines: int) -> None:
    """Print the journal of HOST.

    For HOST `dns`, the name server, print its log file.
    """
    line = lab.log_command(host, follow=follow, unit=unit, lines=lines)
    os.execvp(line[0], line)  # noqa: S606 - the user asked for it


@main.command()
@click.argument("host")
@click.pass_obj
def cut(lab: Lab, host: str) -> None:
    """Drop all packets to and from HOST, as if its cable were cut."""
    lab.cut(host)


@main.command()
@click.argument("host")
@click.pass_obj
def heal(lab: Lab, host: str) -> None:
    """Undo `cut`: deliver the packets of HOST again."""
    lab.heal(host)


@main.command()
@click.argument("host")
@click.pass_obj
def stop(lab: Lab, host: str) -> None:
    """Kill HOST, as a power cut does; its disk stays."""
    lab.stop_host(host)


@main.command()
@click.argument("host")
@click.pass_obj
def start(lab: Lab, host: str) -> None:
    """Boot HOST after `stop`, and wait until it is ready."""
    lab.start_host(host)


@main.command()
def image() -> None:
    """Print the directory of the Debian image.

    Build the image if this machine has none.
    """
    click.echo(_image())


@main.command("eval")
@click.argument("domains", nargs=-1)
@_CONFIG
@click.option("--values", default="{}", metavar="JSON", help="Values of services.chatmail.")
@click.option(
    "--expr", metavar="NIX", help="Print a Nix expression's value instead; `lib` is in scope."
)
def evaluate_(domains: tuple[str, ...], config: Path | None, values: str, expr: str | None) -> None:
    """Print the descriptions of relays for DOMAINS as JSON.

    Nothing is started. Each description is { cfg, settings, pages, zone, failures, config };
    `failures` are the messages of failed assertions.
    """
    if expr is not None:
        click.echo(evaluate_expression(_image(), expr))
        return
    given = {domain: default_values(domain) | json.loads(values) for domain in domains}
    answer = evaluate(_image(), given, config=config)
    click.echo(json.dumps(answer, indent=1, sort_keys=True))


@main.command()
@click.argument("domain")
@_CONFIG
@click.option(
    "--output",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory to write to.",
)
def render(domain: str, config: Path | None, output: Path) -> None:
    """Write the files of a relay for DOMAIN into a directory.

    Nothing is started, and all files belong to root.
    """
    planned = plan_hosts([domain])
    if planned[-1].is_member:
        raise LabError(f"{domain}: one relay, no cluster; start it and read the files of each host")
    described = describe(_image(), planned, config=config)
    files = render_relay(described[planned[-1].name].config)
    for file in files:
        Rootfs(output).write(replace(file, user="0", group="0"))


def _image() -> Path:
    check_machine()
    return ensure_image(Progress())
