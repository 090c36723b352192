"""What both machines are, and whether the relay can move: pure decisions."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from chatmaild.errors import ChatmaildError
from chatmaild.operator.dnscheck.here import is_translated

# of what moves, for file systems that need more space for the same files
_MARGIN: Final = 1.1
_MEGABYTE: Final = 1 << 20
# what a relay needs to run: see store/space.py
_SPARE_BYTES: Final = 200 * _MEGABYTE
_SPARE_INODES: Final = 2000
# longer than the difference of machines with time servers; it is the age of mail and logins
_CLOCK_S: Final = 30.0
# a target for ssh and rsync: a name of ~/.ssh/config, a host name or an IP address, after a user
_TARGET: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_:][A-Za-z0-9_.:-]*")
# settings by which the new machine would not find what moves, or be another relay for others
_EQUAL: Final = (
    "directories.",
    "dkim.",
    "domain",
    "mail_domain",
    "host_name",
    "tls.mode",
    "users.",
)
# they follow from others, or are about the machine
_UNINTERESTING: Final = ("dns", "pages", "units", "selftest.", "sockets.", "tls.")


def checked_target(text: str) -> str:
    """Return the target.

    Raises:
        ChatmaildError: it is no destination for ssh.
    """
    if not _TARGET.fullmatch(text):
        raise ChatmaildError("TARGET is like root@new.example.org, or a name of ~/.ssh/config")
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A machine, as `chatmail receive look` prints it.

    Attributes:
        settings: all settings, as nested JSON objects.
        addresses_by_type: IP addresses of this machine, by `A` and `AAAA`.
        move: number and phase of the move that it takes part in; empty for none.
        missing: programs that are not there.
        wrong_units: units that should run and do not.
        clock_s: Unix time.
    """

    version: str
    settings: Mapping[str, Any]
    is_root: bool
    missing: tuple[str, ...]
    wrong_units: tuple[str, ...]
    addresses: int
    messages: int
    queued: int
    files: int
    size_bytes: int
    free_bytes: int
    free_inodes: int | None
    addresses_by_type: Mapping[str, str]
    move: Mapping[str, str]
    clock_s: float

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Return what a machine said about itself.

        Raises:
            ChatmaildError: it is no such document.
        """
        try:
            data = dict(data)
            lists = {name: tuple(data[name]) for name in ("missing", "wrong_units")}
            return cls(**(data | lists))
        except (TypeError, ValueError, KeyError) as error:
            raise ChatmaildError(
                "the new machine's answer cannot be read: update chatmail there"
            ) from error


def problems(old: Look, new: Look) -> list[str]:
    """Return why the relay cannot move; empty if it can."""
    return [*_of_machines(old, new), *_of_settings(old, new), *_of_state(old, new)]


def _of_machines(old: Look, new: Look) -> Iterator[str]:
    for name, look in (("this machine", old), ("the new machine", new)):
        if not look.is_root:
            yield f"{name}: chatmail does not run as root"
        for program in look.missing:
            yield f"{name}: {program} is not installed"
        for unit in look.wrong_units:
            yield f"{name}: {unit}"
    if _numbers(new.version) < _numbers(old.version):
        yield f"the new machine has version {new.version}, older than {old.version}: update it"
    if abs(old.clock_s - new.clock_s) > _CLOCK_S:
        seconds = abs(old.clock_s - new.clock_s)
        yield f"the clocks differ by {seconds:.0f} s: set them by a time server"
    needed = int((old.size_bytes - new.size_bytes) * _MARGIN) + _SPARE_BYTES
    if new.free_bytes < needed:
        free = new.free_bytes // _MEGABYTE
        yield f"the new machine has {free} MiB free, and needs {needed // _MEGABYTE} MiB"
    inodes = int((old.files - new.files) * _MARGIN) + _SPARE_INODES
    if new.free_inodes is not None and new.free_inodes < inodes:
        yield f"the new machine has {new.free_inodes} inodes free, and needs {inodes}"


def _of_settings(old: Look, new: Look) -> Iterator[str]:
    if str(old.settings["mail_domain"]).startswith("["):
        yield "a relay without a domain cannot move: its IP address is in all addresses"
    for key, (here, there) in _differences(old, new).items():
        if key.startswith(_EQUAL):
            yield f"{key} is {here} here and {there} on the new machine"


def _of_state(old: Look, new: Look) -> Iterator[str]:
    phase = new.move.get("phase")
    is_same = new.move.get("number") == old.move.get("number")
    if phase in ("receiving", "serving") and not is_same:
        yield "the new machine takes part in another move: see /var/lib/chatmail/move there"
    if phase not in ("receiving", "serving", "abandoned") and (new.addresses or new.queued):
        yield (
            f"the new machine is not empty: {new.addresses} addresses,"
            f" {new.queued} messages in its queue"
        )


def notes(old: Look, new: Look) -> list[str]:
    """Return differences that the operator should know, and that do no harm."""
    return [
        f"{key} is {here} here and {there} on the new machine"
        for key, (here, there) in _differences(old, new).items()
        if not key.startswith((*_EQUAL, *_UNINTERESTING))
    ]


def summary(old: Look) -> str:
    """Return what moves in a sentence."""
    return (
        f"{old.addresses} addresses, {old.messages} messages ({old.size_bytes // _MEGABYTE} MiB),"
        f" {old.queued} messages in the queue, keys, certificate, invites and device tokens"
    )


def dns_changes(old: Look, new: Look) -> list[str]:
    """Return the records to change at the DNS provider; all others stay."""
    domain = old.settings["domain"]
    lines = []
    for kind in ("A", "AAAA"):
        before, after = old.addresses_by_type.get(kind), new.addresses_by_type.get(kind)
        if after is not None and before != after:
            hint = f" (instead of {before})" if before else ""
            shown = f"its public IP address, not {after}" if is_translated(after) else after
            lines.append(f"{domain}. {kind} {shown}{hint}")
        elif after is None and before is not None:
            lines.append(f"delete {domain}. {kind} {before}: the new machine has no such address")
    return lines


def forward_addresses(old: Look, new: Look) -> list[str]:
    """Return where the old machine finds the new one.

    Behind address translation both may have the same private IP address: the old one would connect
    to itself without end.
    """
    own = set(old.addresses_by_type.values())
    return [address for address in new.addresses_by_type.values() if address not in own]


def _differences(old: Look, new: Look) -> dict[str, tuple[Any, Any]]:
    here, there = _flat(old.settings), _flat(new.settings)
    return {
        key: (here.get(key), there.get(key))
        for key in sorted({*here, *there})
        if here.get(key) != there.get(key)
    }


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall("[0-9]+", version))
