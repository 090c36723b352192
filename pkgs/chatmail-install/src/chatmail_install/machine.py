"""A machine, parsed from the output of `inspect.sh`."""

import ipaddress
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

Address = ipaddress.IPv4Interface | ipaddress.IPv6Interface
# names of NixOS
PROCESSORS = {"x86_64": "x86_64-linux", "aarch64": "aarch64-linux"}


class InspectError(ValueError):
    """The output of `inspect.sh` cannot be parsed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk; `parts` has one line for each partition."""

    path: str
    size: int
    model: str
    parts: tuple[str, ...]
    mounted: tuple[str, ...]
    writable: bool = True
    removable: bool = False
    # a name in /dev/disk/by-id, which does not depend on the order of the disks
    lasting: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """The network interface of the default route, for IPv4 or for IPv6."""

    name: str
    mac: str
    addresses: tuple[Address, ...]
    gateway: str | None
    # IP addresses from DHCP or router advertisements
    automatic: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The facts that the installation depends on."""

    root: bool
    system: str | None
    os: Mapping[str, str]
    memory: int
    virtualisation: str
    efi: bool
    kexec: bool
    disks: tuple[Disk, ...]
    modules: tuple[str, ...]
    ipv4: Uplink | None
    ipv6: Uplink | None
    keys: tuple[str, ...]
    port25: bool

    @property
    def os_name(self) -> str:
        """Name of the running system."""
        return self.os.get("PRETTY_NAME", "an unknown system")

    @property
    def addresses(self) -> frozenset[str]:
        """IP addresses of both uplinks."""
        return frozenset(
            str(address.ip)
            for uplink in (self.ipv4, self.ipv6)
            if uplink is not None
            for address in uplink.addresses
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse the output of `inspect.sh`.

        Raises:
            InspectError: it is not such an output.
        """
        parts = _sections(text)
        if "port25" not in parts:
            raise InspectError("the answer ended early; is there a POSIX shell?")
        try:
            return cls._of(parts)
        except (KeyError, TypeError, ValueError) as error:
            raise InspectError(f"the answer cannot be understood: {error}") from error

    @classmethod
    def _of(cls, parts: Mapping[str, str]) -> Self:
        links = json.loads(parts["addresses"] or "[]")
        return cls(
            root=parts["user"] == "0",
            system=PROCESSORS.get(parts["arch"]),
            os=dict(_assignments(parts["os"])),
            memory=int(parts["memory"].removesuffix(" kB")) * 1024,
            virtualisation=parts["virtualisation"] or "unknown",
            efi=parts["efi"] == "yes",
            kexec=parts["kexec"] in ("0", ""),
            disks=tuple(_disks(parts["disks"], parts["names"])),
            modules=tuple(parts["modules"].split()),
            ipv4=_uplink(links, json.loads(parts["routes"] or "[]"), "inet"),
            ipv6=_uplink(links, json.loads(parts["routes6"] or "[]"), "inet6"),
            keys=tuple(line for line in map(str.strip, parts["keys"].splitlines()) if _plain(line)),
            port25=parts["port25"].startswith("220"),
        )


def _sections(text: str) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith("== "):
            lines = found.setdefault(line.removeprefix("== "), [])
        else:
            lines.append(line)
    return {name: "\n".join(body).strip() for name, body in found.items()}


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name, value.strip("\"'")


def _plain(line: str) -> bool:
    """Whether a line of authorized_keys is a key without restrictions."""
    return line.startswith(("ssh-", "ecdsa-", "sk-"))


def _disks(listing: str, names: str) -> Iterator[Disk]:
    links = [line.split() for line in names.splitlines()]
    # the shortest name comes last, and wins
    lasting = dict(sorted(links, key=lambda pair: len(pair[-1]), reverse=True))
    for entry in json.loads(listing)["blockdevices"]:
        if entry["type"] != "disk" or not int(entry["size"]) or entry["name"].startswith("zram"):
            continue
        below = list(_below(entry))
        yield Disk(
            path=entry["path"],
            size=int(entry["size"]),
            model=(entry["model"] or "").strip(),
            parts=tuple(_part(part) for part in below if part is not entry),
            mounted=tuple(part["mountpoint"] for part in below if part["mountpoint"]),
            writable=not _true(entry["ro"]),
            removable=_true(entry["rm"]),
            lasting=lasting.get(entry["path"]),
        )


def _true(value: object) -> bool:
    # util-linux before 2.33 writes "1"
    return value in (True, "1")


def _below(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield entry
    for child in entry.get("children", []):
        yield from _below(child)


def _part(entry: dict[str, Any]) -> str:
    words = [entry["name"], size_text(int(entry["size"])), entry["fstype"] or "no file system"]
    words += [f'"{entry["label"]}"'] if entry["label"] else []
    words += [f"mounted as {entry['mountpoint']}"] if entry["mountpoint"] else []
    return "  ".join(words)


def size_text(size: int) -> str:
    """A size in decimal gigabytes, as disks are sold."""
    return f"{size / 1e9:.1f} GB"


def _uplink(
    links: list[dict[str, Any]], routes: list[dict[str, Any]], family: str
) -> Uplink | None:
    """The interface of the default route with the smallest metric."""
    for route in sorted(routes, key=lambda route: int(route.get("metric", 0))):
        link = next((link for link in links if link["ifname"] == route.get("dev")), None)
        if link is None:
            continue
        found = [info for info in link["addr_info"] if _permanent(info, family)]
        # static addresses come before those of the network
        given = [info for info in found if not info.get("dynamic", False)] or found
        if given:
            return Uplink(
                name=link["ifname"],
                mac=link["address"],
                addresses=tuple(
                    ipaddress.ip_interface(f"{info['local']}/{info['prefixlen']}") for info in given
                ),
                gateway=route.get("gateway"),
                automatic=all(info.get("dynamic", False) for info in given),
            )
    return None


def _permanent(info: dict[str, Any], family: str) -> bool:
    return bool(
        info["family"] == family
        and info["scope"] == "global"
        and not info.get("temporary", False)
        and not info.get("deprecated", False)
    )
