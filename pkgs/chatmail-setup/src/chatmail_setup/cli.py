"""The command `chatmail-setup`; units of a prepared image run it (images/setup.nix)."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click
from chatmail_upgrade.history import History

from chatmail_setup.apply import Places, apply
from chatmail_setup.certificate import Certificate
from chatmail_setup.relay.build import BuildError, Request, build
from chatmail_setup.relay.rewrite import RewriteError, read_graph, rewrite
from chatmail_setup.screen import render
from chatmail_setup.screen.gather import gather
from chatmail_setup.screen.server import make_server
from chatmail_setup.screen.view import View
from chatmail_setup.state import State

VERSION: Final = Path(__file__).with_name("VERSION").read_text().strip()
PERSISTENT: Final = Path("/var/lib/chatmail-setup")
STATE: Final = Path("/run/chatmail-setup/state.json")
REFRESH_S: Final = 15.0

_PATH = click.Path(path_type=Path)


def _files(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--file",
        "files",
        type=_PATH,
        multiple=True,
        required=True,
        help="Place of chatmail.toml; the first that exists is read.",
    )(command)


def _program() -> str:
    """This program in the store, which Nix runs as a builder."""
    return str(Path(sys.argv[0]).resolve())


def _certificate(domain: str) -> Certificate:
    return Certificate(domain=domain, orders=PERSISTENT / "orders.json")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="chatmail-setup", message="%(prog)s %(version)s")
def main() -> None:
    """Turn a prepared image into the relay that chatmail.toml describes."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")


@main.command("apply")
@_files
def apply_command(files: tuple[Path, ...]) -> None:
    """Read chatmail.toml, and make this machine the relay.

    Mistakes in the file are no failure of this command: the screen shows them.
    """
    places = Places(files=files, state=STATE, persistent=PERSISTENT)
    state = apply(places, program=_program())
    state.save(STATE)
    click.echo(f"{state.phase}: {' '.join(state.sentences)}".rstrip(": "))


@main.command("adapt")
@_files
@click.argument("base", metavar="SYSTEM", type=_PATH)
def adapt_command(files: tuple[Path, ...], base: Path) -> None:
    """Make the relay from a newer image; prints its path.

    SYSTEM is the store path of the image's system. The relay is not activated: chatmail-upgrade
    does that.
    """
    try:
        request = Request.of_file(base=base, files=files, program=_program())
        click.echo(build(request, keep=PERSISTENT / "next"))
    except BuildError as error:
        raise click.ClickException(str(error)) from error


@main.command("rewrite", hidden=True)
@click.option("--domain", required=True)
@click.option("--contact")
def rewrite_command(domain: str, contact: str | None) -> None:
    """Build the derivation of relay/build.py; Nix runs this."""
    out = Path(os.environ["out"])  # noqa: SIM112 - Nix' own name
    graph = read_graph(Path("graph").read_text(encoding="utf-8"))
    try:
        rewrite(
            system=Path(os.environ["prepared"]),  # noqa: SIM112
            graph=graph,
            domain=domain,
            contact=contact,
            out=out,
        )
    except RewriteError as error:
        raise click.ClickException(str(error)) from error
    (out / "base").symlink_to(os.environ["base"])  # noqa: SIM112


@main.command("order-certificate")
def order_certificate_command() -> None:
    """Order the certificate if DNS is right.

    Prints what was decided. After a failed order, waits 15 minutes, and longer after each more.
    """
    state = State.load(STATE)
    if state.domain is not None:
        click.echo(_certificate(state.domain).order())


@main.command("show")
@click.option("--port", type=int, required=True, help="TCP port of the page.")
def show_command(port: int) -> None:
    """Show what to do next, on the screen and on a page.

    The screen is standard output. Only the local network can read the page.
    """

    def current() -> View:
        return gather(STATE, certificate=_certificate, history=History(), port=port)

    server = make_server(port, lambda: render.page(current()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shown = ""
    while True:
        text = render.screen(current())
        if text != shown:
            click.echo(text, nl=False)
            shown = text
        time.sleep(REFRESH_S)
