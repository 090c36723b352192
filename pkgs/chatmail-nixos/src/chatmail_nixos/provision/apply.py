"""From `chatmail.toml` to a running relay."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from chatmail_nixos import process
from chatmail_nixos.files import write_atomically
from chatmail_nixos.provision import wifi
from chatmail_nixos.provision.card import Card, Mistakes, first_card, missing, read_card
from chatmail_nixos.provision.instantiate import InstantiateError, Order, instantiate
from chatmail_nixos.provision.status import Phase, State

log = logging.getLogger(__name__)

SWITCH_DEADLINE_S = 1200.0
BOOT_LOADER = (
    "The boot loader could not be written, so every start prepares the relay anew: see "
    "journalctl -u chatmail-provision."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Files of the machine that the set-up reads and writes."""

    cards: tuple[Path, ...]
    state: Path
    lasting: Path
    wifi: Path = Path("/var/lib/iwd")
    running_system: Path = Path("/run/current-system")
    settings: Path = Path("/etc/chatmail/settings.json")
    profile: Path = Path("/nix/var/nix/profiles/system")

    @property
    def base(self) -> Path:
        """The image's system: the running one, or the one that the running one was made from."""
        origin = self.running_system / "base"
        return (origin if origin.exists() else self.running_system).resolve()


def apply_card(places: Places, *, program: str) -> State:
    """Do what the card says; the answer is what the screen shows."""
    place = first_card(places.cards)
    if place is None:
        return State(phase=Phase.MISTAKES, sentences=(missing(places.cards),))
    card = read_card(place.read_bytes())
    if isinstance(card, Mistakes):
        return State(phase=Phase.MISTAKES, sentences=(f"In {place}:", *card.sentences))
    _let_in(card, places)
    _join_wifi(card, places)
    if not is_running(card, places.settings):
        State(phase=Phase.PREPARING, domain=card.domain).save(places.state)
        try:
            told = _become(card, places, program)
        except InstantiateError as problem:
            log.exception("the relay could not be prepared")
            return State(phase=Phase.FAILED, domain=card.domain, sentences=(str(problem),))
        return State(phase=Phase.RUNNING, domain=card.domain, sentences=told)
    return State(phase=Phase.RUNNING, domain=card.domain)


def is_running(card: Card, settings: Path) -> bool:
    """Whether the running system is the relay of this card."""
    try:
        table = json.loads(settings.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return (table["domain"], table["contact"]["mail"]) == (card.domain, card.contact)


def _let_in(card: Card, places: Places) -> None:
    keys = "".join(f"{key}\n" for key in card.ssh_keys)
    write_atomically(places.lasting / "authorized_keys" / "root", keys)


def _join_wifi(card: Card, places: Places) -> None:
    if card.wifi is None:
        return
    path = places.wifi / wifi.file_name(card.wifi)
    write_atomically(path, wifi.profile(card.wifi), mode=0o600)
    if card.wifi.country is not None:
        process.run(["iw", "reg", "set", card.wifi.country], deadline_s=10)


def _become(card: Card, places: Places, program: str) -> tuple[str, ...]:
    """Make the relay and switch to it; the answer is what the person should know."""
    order = Order(base=places.base, domain=card.domain, contact=card.contact, program=program)
    system = instantiate(order, keep=places.lasting / "relay")
    kept = process.run(
        ["nix-env", "--profile", str(places.profile), "--set", system], deadline_s=SWITCH_DEADLINE_S
    )
    if not kept.ok:
        raise InstantiateError(kept.tail())
    switched = _activate(system, "switch")
    # services that cannot start yet (no network) start later by themselves
    if switched.ok or is_running(card, places.settings):
        return ()
    # nothing was activated, because the boot loader could not be written
    if _activate(system, "test").ok or is_running(card, places.settings):
        return (BOOT_LOADER,)
    raise InstantiateError(switched.tail())


def _activate(system: str, action: str) -> process.Result:
    command = [f"{system}/bin/switch-to-configuration", action]
    done = process.run(command, deadline_s=SWITCH_DEADLINE_S)
    if not done.ok:
        log.warning("%s %s: exit status %d: %s", *command, done.status, done.tail())
    return done
