"""From `chatmail.toml` to a running relay."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmail_upgrade import process
from chatmail_upgrade.files import write_atomically
from chatmail_upgrade.system import PROFILE, RUNNING, set_profile, switch

from chatmail_setup import wifi
from chatmail_setup.relay.build import BuildError, Request, build
from chatmail_setup.setup_file import Mistakes, SetupFile, read_first
from chatmail_setup.state import Phase, State

_log = logging.getLogger(__name__)

BOOT_LOADER: Final = (
    "The boot loader could not be written, so every start prepares the relay anew: see "
    "journalctl -u chatmail-setup."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Files of the machine; `persistent` outlives a restart, `state` does not."""

    files: tuple[Path, ...]
    state: Path
    persistent: Path
    wifi: Path = Path("/var/lib/iwd")
    running_system: Path = RUNNING
    settings: Path = Path("/etc/chatmail/settings.json")
    profile: Path = PROFILE

    @property
    def base(self) -> Path:
        """The image's system: the running one, or the one that the running one was made from."""
        origin = self.running_system / "base"
        return (origin if origin.exists() else self.running_system).resolve()


def apply(places: Places, *, program: str) -> State:
    """Do what the file says; the screen shows the result."""
    wanted = read_first(places.files)
    if isinstance(wanted, Mistakes):
        return State(phase=Phase.MISTAKES, sentences=wanted.sentences)
    _write_ssh_keys(wanted, places)
    _join_wifi(wanted, places)
    if is_running(wanted, places.settings):
        return State(phase=Phase.RUNNING, domain=wanted.domain)
    State(phase=Phase.PREPARING, domain=wanted.domain).save(places.state)
    try:
        notes = _become(wanted, places, program)
    except BuildError as error:
        _log.exception("the relay could not be prepared")
        return State(phase=Phase.FAILED, domain=wanted.domain, sentences=(str(error),))
    return State(phase=Phase.RUNNING, domain=wanted.domain, sentences=notes)


def is_running(wanted: SetupFile, settings: Path) -> bool:
    """Whether the running system is the relay of this file."""
    try:
        table = json.loads(settings.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    return (table["domain"], table["contact"]["mail"]) == (wanted.domain, wanted.contact)


def _write_ssh_keys(wanted: SetupFile, places: Places) -> None:
    keys = "".join(f"{key}\n" for key in wanted.ssh_keys)
    write_atomically(places.persistent / "authorized_keys" / "root", keys)


def _join_wifi(wanted: SetupFile, places: Places) -> None:
    if wanted.wifi is None:
        return
    path = places.wifi / wifi.file_name(wanted.wifi)
    write_atomically(path, wifi.profile(wanted.wifi), mode=0o600)
    if wanted.wifi.country is not None:
        process.run(["iw", "reg", "set", wanted.wifi.country], deadline_s=10)


def _become(wanted: SetupFile, places: Places, program: str) -> tuple[str, ...]:
    """Make the relay and activate it; returns what the person should know."""
    request = Request(
        base=places.base, domain=wanted.domain, contact=wanted.contact, program=program
    )
    system = build(request, keep=places.persistent / "relay")
    kept = set_profile(places.profile, system)
    if not kept.ok:
        raise BuildError(kept.tail())
    switched = _activate(system, "switch")
    # services that cannot start yet, because there is no network, start later by themselves
    if switched.ok or is_running(wanted, places.settings):
        return ()
    # a boot loader that cannot be written stops `switch` before the activation
    if _activate(system, "test").ok or is_running(wanted, places.settings):
        return (BOOT_LOADER,)
    raise BuildError(switched.tail())


def _activate(system: str, action: str) -> process.Result:
    done = switch(system, action)
    if not done.ok:
        _log.warning("%s of %s: exit status %d: %s", action, system, done.status, done.tail())
    return done
