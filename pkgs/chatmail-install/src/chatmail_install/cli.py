"""The program `chatmail-install`."""

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TextIO

import click
import idna

from chatmail_install import dns, flake, show, steps
from chatmail_install.machine import Machine
from chatmail_install.plan import Plan, Wish, make_plan
from chatmail_install.programs import ProgramError, Ssh, ask
from chatmail_install.wait import wait

FAILED, UNFIT, DECLINED, UNWELL = 1, 3, 4, 5  # 2 is click's, for wrong usage
RELAY_DEADLINE_S = 900.0
MAIL_SERVER = "gmail-smtp-in.l.google.com"
# which the repository gives to whoever makes a flake by hand
TEMPLATE = Path(__file__).parents[4] / "templates" / "operator"
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# `mta-sts.` stands before it, and names end at 253 characters (RFC 1035 section 2.3.4)
LONGEST_DOMAIN = 253 - len("mta-sts.")
EPILOG = """\b
Exit status: 0 the relay runs and is well; 1 a step failed, 2 wrong usage,
3 the machine cannot become a relay, 4 you did not agree,
5 it is installed, but does not answer or is not well yet."""

VERSION = Path(__file__).with_name("VERSION").read_text().strip()


def _domain(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    """A name that can have a certificate: in lower case, and as DNS has it."""
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
    """A login for ssh, which cannot be taken for an option."""
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

    def wish(self) -> Wish:
        """What the operator wants."""
        return Wish(
            domain=self.domain,
            chatmail=self.chatmail or _origin(),
            contact=self.contact,
            disk=self.disk,
            keys=tuple(line.strip() for file in self.keys for line in file if line.strip()),
            reinstall=self.reinstall,
        )

    def ssh(self) -> Ssh:
        """How the machine is reached."""
        return Ssh(target=self.target, port=self.port, identity=self.identity)


@click.command(epilog=EPILOG)
@click.version_option(VERSION, prog_name="chatmail-install", message="%(prog)s %(version)s")
@click.argument("target", callback=_target, metavar="root@HOST")
@click.option("--domain", callback=_domain, required=True, help="Name of the relay.")
@click.option("--contact", help="E-mail address for questions about privacy, on the web pages.")
@click.option(
    "--chatmail", metavar="FLAKE", help="Where this program came from: github:OWNER/NAME."
)
@click.option("--directory", type=click.Path(path_type=Path), help="Flake of the relay [./DOMAIN].")
@click.option("--disk", help="Disk to erase, if the machine has several.")
@click.option("--key", "keys", type=click.File(), multiple=True, help="Public ssh key to let in.")
@click.option("--identity", "-i", type=click.Path(exists=True, path_type=Path), help="ssh -i.")
@click.option("--port", "-p", type=int, default=22, show_default=True, help="ssh -p.")
@click.option("--mail-server", default=MAIL_SERVER, show_default=True, help="Asked on port 25.")
@click.option("--reinstall", is_flag=True, help="Erase a machine that runs NixOS, too.")
@click.option("--yes", is_flag=True, help="Erase without asking.")
@click.option("--dry-run", is_flag=True, help="Show the plan and the files; change nothing.")
def main(**given: Any) -> None:
    """Make a chatmail relay out of a machine, over ssh.

    Looks at the machine, says what is erased, asks, writes the flake of the relay, installs NixOS,
    and waits until the relay answers.
    """
    options = Options(**given)
    try:
        _run(options)
    except (flake.TemplateError, ProgramError, steps.StepError) as error:
        _stop(str(error), FAILED)


def _run(options: Options) -> None:
    wish, ssh = options.wish(), options.ssh()
    where = (options.directory or Path(options.domain)).absolute()
    plan = _planned(steps.look(ssh, options.mail_server), wish, ssh)
    click.echo(show.plan_text(plan, str(where)))
    if plan.problems:
        sys.exit(UNFIT)
    template = Path(os.environ.get("CHATMAIL_TEMPLATE", TEMPLATE))
    files = flake.files(plan, ssh.target, template)
    if options.dry_run:
        click.echo(show.files_text(files))
        return
    if not options.yes and click.prompt(f"Type {ssh.host} to erase it", default="") != ssh.host:
        _stop("nothing was changed", DECLINED)
    _install(plan, ssh, where, files)


def _origin() -> str:
    """The flake that this checkout was cloned from."""
    try:
        url = ask(["git", "remote", "get-url", "origin"], deadline_s=10).strip()
    except ProgramError:
        url = ""
    github = re.fullmatch(
        r"(?:https://|git@|ssh://git@)github\.com[/:]([^/]+)/([^/]+?)(\.git)?", url
    )
    if github:
        return f"github:{github[1]}/{github[2]}"
    if url.startswith(("https://", "ssh://")):
        return f"git+{url}"
    raise click.UsageError("say where this program came from: --chatmail github:OWNER/NAME")


def _planned(machine: Machine, wish: Wish, ssh: Ssh) -> Plan:
    published = dns.look_up(wish.domain)
    click.echo(show.machine_text(machine, ssh.target))
    click.echo(show.dns_text(published))
    return make_plan(machine, wish, published)


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
    shut = wait(host, plan.wish.domain, deadline_s=RELAY_DEADLINE_S, tell=_tell)
    if shut:
        _stop(f"{', '.join(shut)} did not answer within {RELAY_DEADLINE_S / 60:.0f} min", UNWELL)
    sys.exit(_hand_over(installed, plan.wish.domain))


def _tell(sentence: str) -> None:
    click.echo(f"    {sentence}")


def _hand_over(ssh: Ssh, domain: str) -> int:
    """Show zone, invite, and how the relay is."""
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
    click.echo(show.next_text(domain, ssh.target))
    return 0 if well else UNWELL


def _stop(sentence: str, status: int) -> NoReturn:
    click.echo(f"chatmail-install: {sentence}", err=True)
    sys.exit(status)
