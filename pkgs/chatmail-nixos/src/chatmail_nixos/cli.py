"""The program `chatmail-nixos`: its commands are units of the NixOS module and of the image."""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from chatmail_nixos.provision import facts, show
from chatmail_nixos.provision.apply import Places, apply_card
from chatmail_nixos.provision.instantiate import InstantiateError, Order, instantiate
from chatmail_nixos.provision.rewrite import RewriteError, read_graph, rewrite
from chatmail_nixos.provision.server import make_server
from chatmail_nixos.provision.status import State, View
from chatmail_nixos.upgrade.build import build_flake, existing_system
from chatmail_nixos.upgrade.history import History
from chatmail_nixos.upgrade.machine import (
    SETTLE_DEADLINE_S,
    ActivationError,
    BuildError,
    NixMachine,
)
from chatmail_nixos.upgrade.run import settle, upgrade

PathOption = click.Path(path_type=Path)
UPGRADES = Path("/var/lib/chatmail-upgrade")
LASTING = Path("/var/lib/chatmail-provision")
STATE = Path("/run/chatmail-provision/state.json")
ACME = Path("/var/lib/acme")
REFRESH_S = 15.0


@click.group()
def main() -> None:
    """What a chatmail relay needs on NixOS only."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s: %(message)s")


def _machine(
    candidate: Path | None, flake: str | None, made_from: Sequence[Path] = ()
) -> NixMachine:
    def build() -> str:
        if candidate is not None:
            system = existing_system(candidate)
        elif flake is not None:
            system = build_flake(flake, host=socket.gethostname(), keep=UPGRADES / "candidate")
        else:
            raise BuildError("neither --flake nor --candidate was given")
        return _instance(Path(system), made_from) if made_from else system

    return NixMachine(
        builder=build,
        profile=Path("/nix/var/nix/profiles/system"),
        gate_unit="chatmail-selftest.service",
        gate_report=Path("/run/chatmail-selftest/report.json"),
    )


def _instance(base: Path, cards: Sequence[Path]) -> str:
    """The relay of the card's domain, made from a new image's system."""
    try:
        return instantiate(
            Order.for_card(base=base, cards=cards, program=_program()), keep=LASTING / "next"
        )
    except InstantiateError as problem:
        raise BuildError(str(problem)) from problem


def _program() -> str:
    """This program in the store, which Nix runs as a builder."""
    return str(Path(sys.argv[0]).resolve())


@main.command("upgrade")
@click.option("--flake", help="Flake of this machine: URI, or URI#NAME (default: the host's name).")
@click.option("--candidate", type=PathOption, help="A system that is built already.")
@click.option(
    "--card",
    "cards",
    type=PathOption,
    multiple=True,
    help="Make the relay of the first of these chatmail.toml out of the built image.",
)
def upgrade_command(flake: str | None, candidate: Path | None, cards: tuple[Path, ...]) -> None:
    """Build the newest system, try it out, and keep it only when the relay works."""
    history = History(directory=UPGRADES)
    machine = _machine(candidate, flake, cards)
    report = upgrade(machine, history, now=datetime.now(UTC), settle_s=SETTLE_DEADLINE_S)
    click.echo(report.sentence(), err=not report.outcome.success)
    sys.exit(0 if report.outcome.success else 1)


@main.command("settle")
def settle_command() -> None:
    """Return to the previous system when an upgrade was cut off."""
    try:
        returned = settle(_machine(None, None), History(directory=UPGRADES))
    except ActivationError as problem:
        raise click.ClickException(str(problem)) from problem
    if returned:
        click.echo("an upgrade was cut off; the previous system is running again")


@main.command("rewrite", hidden=True)
@click.option("--domain", required=True)
@click.option("--contact")
def rewrite_command(domain: str, contact: str | None) -> None:
    """Builder of the derivation that makes the relay of a domain (see provision/instantiate.py)."""
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
    except RewriteError as problem:
        raise click.ClickException(str(problem)) from problem
    (out / "base").symlink_to(os.environ["base"])  # noqa: SIM112


@main.command("provision")
@click.option(
    "--card",
    "cards",
    type=PathOption,
    multiple=True,
    required=True,
    help="chatmail.toml; the first that exists is read.",
)
def provision_command(cards: tuple[Path, ...]) -> None:
    """Make this machine the relay that chatmail.toml describes."""
    places = Places(cards=cards, state=STATE, lasting=LASTING)
    state = apply_card(places, program=_program())
    state.save(STATE)
    click.echo(f"{state.phase}: {' '.join(state.sentences)}".rstrip(": "))


@main.command("order-certificate")
def order_certificate_command() -> None:
    """Order the certificate as soon as DNS is right."""
    state = State.load(STATE)
    if state.domain is not None:
        click.echo(facts.order_certificate(state.domain, acme=ACME, orders=LASTING / "orders.json"))


@main.command("show")
@click.option("--port", type=int, required=True, help="TCP port of the local page.")
def show_command(port: int) -> None:
    """Show how the relay is doing: on the screen (standard output) and on a local page."""

    def gather() -> View:
        return facts.gather(STATE, acme=ACME, lasting=LASTING, port=port)

    server = make_server(port, lambda: show.page(gather()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    shown = ""
    while True:
        text = show.screen(gather())
        if text != shown:
            click.echo(text, nl=False)
            shown = text
        time.sleep(REFRESH_S)
