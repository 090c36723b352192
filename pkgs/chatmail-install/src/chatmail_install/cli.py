"""The command `chatmail-install`."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click
import idna

from chatmail_install import dns, flake, steps, texts
from chatmail_install.machine import Machine
from chatmail_install.plan import Plan, Request, make_plan
from chatmail_install.programs import ProgramError, Ssh, run
from chatmail_install.wait import wait

# 2 is click's status for wrong usage
FAILED, UNFIT, DECLINED, UNWELL = 1, 3, 4, 5
RELAY_DEADLINE_S = 900.0
MAIL_SERVER = "gmail-smtp-in.l.google.com"
# the template of `nix flake init`
TEMPLATE = Path(__file__).parents[4] / "templates" / "operator"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# `mta-sts.` is put before it, and a name has at most 253 characters (RFC 1035 section 2.3.4)
LONGEST_DOMAIN = 253 - len("mta-sts.")
EPILOG = """\b
Example, which changes nothing:
  chatmail-install root@203.0.113.5 --domain chat.example.org --dry-run

\b
Exit status:
  0  the relay runs, and its selftest passed
  1  a step failed
  2  wrong usage
  3  the machine cannot become a relay
  4  you did not agree
  5  installed, but a service does not answer or the selftest failed"""

VERSION = Path(__file__).with_name("VERSION").read_text().strip()


def _domain(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """The domain in the form of DNS (IDNA); it must be able to have a certificate."""
    try:
        domain = idna.encode(value.rstrip("."), uts46=True).decode()
    except idna.IDNAError:
        domain = ""
    labels = domain.split(".")
    whole = len(labels) > 1 and all(map(_LABEL.fullmatch, labels))
    if not whole or labels[-1].isdigit() or len(domain) > LONGEST_DOMAIN:
        raise click.BadParameter(f"{value!r} is not a domain name like chat.example.org")
    return domain


def _target(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """The ssh login; it must not look like an option."""
    if not re.fullmatch(r"\w[\w.-]*@\[?\w[\w.:%-]*\]?", value):
        raise click.BadParameter(f"{value!r} is not of the form root@HOST")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The command line."""

    target: str
    domain: str
    contact: str | None
    chatmail: str | None
    directory: Path | None
    disk: str | None
    keys: tuple[TextIO, ...]
    identity: Path | None
    port: int
    mail_server: str
    reinstall: bool
    yes: bool
    dry_run: bool

    def request(self) -> Request:
        """The operator's wishes."""
        return Request(
            domain=self.domain,
            chatmail=self.chatmail or _origin(),
            contact=self.contact,
            disk=self.disk,
            keys=tuple(line.strip() for file in self.keys for line in file if line.strip()),
            reinstall=self.reinstall,
        )

    def ssh(self) -> Ssh:
        """The ssh connection to the machine."""
        return Ssh(target=self.target, port=self.port, identity=self.identity)


@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("target", callback=_target, metavar="root@HOST")
@click.option("--domain", callback=_domain, required=True, help="Domain of the relay.")
@click.option("--contact", help="E-mail address on the web pages, for questions about privacy.")
@click.option(
    "--chatmail",
    metavar="FLAKE",
    help="Flake with the module of the relay [origin of this checkout].",
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    help="Where to write the flake of the relay [./DOMAIN].",
)
@click.option("--disk", help="Disk to erase [the one of the running system].")
@click.option(
    "--key",
    "keys",
    type=click.File(),
    multiple=True,
    help="File with a public ssh key that may log in, besides those of the machine.",
)
@click.option(
    "--identity",
    "-i",
    type=click.Path(exists=True, path_type=Path),
    help="Private key for ssh.",
)
@click.option(
    "--port", "-p", type=int, default=22, show_default=True, help="Port of the ssh server."
)
@click.option(
    "--mail-server",
    default=MAIL_SERVER,
    show_default=True,
    help="Mail server to test port 25 with.",
)
@click.option("--reinstall", is_flag=True, help="Erase the machine even if it runs NixOS.")
@click.option("--yes", is_flag=True, help="Do not ask before erasing.")
@click.option("--dry-run", is_flag=True, help="Show the plan and the files, and change nothing.")
@click.version_option(VERSION, prog_name="chatmail-install", message="%(prog)s %(version)s")
def main(**given: Any) -> None:
    """Install NixOS and a chatmail relay on a machine that you reach by ssh.

    Inspects the machine, shows the plan and asks. Then writes the flake of the relay, erases the
    disk, installs NixOS, waits until the relay answers, and prints the DNS records to publish.
    """
    options = Options(**given)
    try:
        _run(options)
    except (flake.TemplateError, ProgramError, steps.StepError) as error:
        _stop(str(error), FAILED)


def _run(options: Options) -> None:
    request, ssh = options.request(), options.ssh()
    where = (options.directory or Path(options.domain)).absolute()
    plan = _planned(steps.inspect(ssh, options.mail_server), request, ssh)
    click.echo(texts.plan_text(plan, str(where)))
    if plan.problems:
        sys.exit(UNFIT)
    template = Path(os.environ.get("CHATMAIL_TEMPLATE", TEMPLATE))
    files = flake.files(plan, ssh.target, template)
    if options.dry_run:
        click.echo(texts.files_text(files))
        return
    if not options.yes and click.prompt(f"Type {ssh.host} to erase it", default="") != ssh.host:
        _stop("nothing was changed", DECLINED)
    _install(plan, ssh, where, files)


def _origin() -> str:
    """The flake that this checkout was cloned from."""
    try:
        url = run(["git", "remote", "get-url", "origin"], deadline_s=10).strip()
    except ProgramError:
        url = ""
    github = re.fullmatch(
        r"(?:https://|git@|ssh://git@)github\.com[/:]([^/]+)/([^/]+?)(\.git)?", url
    )
    if github:
        return f"github:{github[1]}/{github[2]}"
    if url.startswith(("https://", "ssh://")):
        return f"git+{url}"
    raise click.UsageError("this is no checkout with an origin: give --chatmail github:OWNER/NAME")


def _planned(machine: Machine, request: Request, ssh: Ssh) -> Plan:
    published = dns.look_up(request.domain)
    click.echo(texts.machine_text(machine, ssh.target))
    click.echo(texts.dns_text(published))
    return make_plan(machine, request, published)


def _install(plan: Plan, ssh: Ssh, directory: Path, files: Mapping[str, str]) -> None:
    assert plan.machine.system is not None
    if not steps.builds_here(plan.machine.system):
        _stop(
            f"this computer does not build for {plan.machine.system}: on NixOS set "
            f'boot.binfmt.emulatedSystems = [ "{plan.machine.system}" ], or use an image '
            "(docs/install.md)",
            FAILED,
        )
    click.echo(f"==> writing {directory}")
    steps.write(directory, files)
    click.echo("==> building the system")
    script, system = steps.build(directory)
    click.echo(f"==> installing on {ssh.target}")
    steps.install(ssh, script, system)
    click.echo("==> waiting for the relay")
    installed = Ssh(target=ssh.target, identity=ssh.identity)
    host = steps.host_name(ssh)
    silent = wait(host, plan.request.domain, deadline_s=RELAY_DEADLINE_S, report=_report)
    if silent:
        _stop(f"{', '.join(silent)} did not answer within {RELAY_DEADLINE_S / 60:.0f} min", UNWELL)
    sys.exit(_hand_over(installed, plan.request.domain))


def _report(sentence: str) -> None:
    click.echo(f"    {sentence}")


def _hand_over(ssh: Ssh, domain: str) -> int:
    """Show the DNS records, an invite and the selftest; returns the exit status."""
    click.echo("==> DNS records to publish")
    click.echo(steps.relay(ssh, "dns"))
    click.echo("==> an invite for the first address; scan it with Delta Chat when DNS is published")
    click.echo(steps.relay(ssh, "invite", "create", "--qr"))
    click.echo("==> chatmail selftest")
    well = True
    try:
        click.echo(steps.relay(ssh, "selftest"))
    except ProgramError as error:
        well = False
        click.echo(str(error))
    click.echo(texts.next_text(domain, ssh.target))
    return 0 if well else UNWELL


def _stop(sentence: str, status: int) -> NoReturn:
    click.echo(f"chatmail-install: {sentence}", err=True)
    sys.exit(status)
