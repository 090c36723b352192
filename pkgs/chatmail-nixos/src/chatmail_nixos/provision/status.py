"""What the machine shows on its screen and its local page."""

import ipaddress
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from chatmail_nixos.files import write_atomically


class Phase(StrEnum):
    """How far the set-up is."""

    STARTING = "starting"
    MISTAKES = "mistakes"
    PREPARING = "preparing"
    FAILED = "failed"
    RUNNING = "running"


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What `provision` left for the screen."""

    phase: Phase = Phase.STARTING
    domain: str | None = None
    sentences: tuple[str, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it; before the first run there is none."""
        try:
            table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return cls()
        return cls(
            phase=Phase(table["phase"]), domain=table["domain"], sentences=tuple(table["sentences"])
        )

    def save(self, path: Path) -> None:
        """Write it for the screen and the page."""
        write_atomically(path, json.dumps(asdict(self)))


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that is shown, before it becomes text or HTML."""

    headline: str
    sentences: tuple[str, ...]
    zone: str | None
    addresses: tuple[str, ...]
    page_port: int


BEHIND_A_ROUTER = (
    "This machine has no public address of its own: publish your router's as A (and AAAA), "
    "and forward its ports to this machine."
)
HEADLINES = {
    Phase.STARTING: "Starting.",
    Phase.MISTAKES: "Please correct chatmail.toml, then start again:",
    Phase.PREPARING: "Preparing the relay. This takes some minutes, once.",
    Phase.FAILED: "The relay could not be prepared:",
    Phase.RUNNING: "The relay is running.",
}


def view(
    *,
    state: State,
    zone: str | None,
    certificate: str | None,
    upgrade: str | None,
    addresses: Iterable[str],
    page_port: int,
) -> View:
    """Put together what is shown."""
    sentences = list(state.sentences)
    if state.phase is Phase.RUNNING:
        if certificate:
            sentences.append(f"Certificate: {certificate}.")
        if upgrade:
            sentences.append(f"Last upgrade: {upgrade}.")
        if zone and not _names_address(zone):
            sentences.append(BEHIND_A_ROUTER)
    return View(
        headline=HEADLINES[state.phase]
        + (f" Domain: {state.domain}" if state.domain and state.phase is Phase.RUNNING else ""),
        sentences=tuple(sentences),
        zone=zone if state.phase is Phase.RUNNING else None,
        addresses=tuple(sorted(addresses, key=_readable_first)),
        page_port=page_port,
    )


def _names_address(zone: str) -> bool:
    """Whether the zone has an address of this machine, and not only comments about it."""
    lines = (line.split() for line in zone.splitlines() if not line.startswith(";"))
    return any({"A", "AAAA"} & set(words[:5]) for words in lines)


def parse_addresses(listing: str) -> tuple[str, ...]:
    """The machine's addresses out of `ip -json address`, without loopback and link-local ones."""
    try:
        links = json.loads(listing)
    except ValueError:
        return ()
    found = (info["local"] for link in links for info in link.get("addr_info", []))
    return tuple(address for address in found if _reachable(address))


def _reachable(address: str) -> bool:
    parsed = ipaddress.ip_address(address)
    return not (parsed.is_loopback or parsed.is_link_local)


def _readable_first(address: str) -> tuple[bool, str]:
    return ":" in address, address
