"""Decides what becomes of a machine: no clock, no disk, no network."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from chatmail_install.dns import Published
from chatmail_install.machine import Address, Disk, Machine, Uplink, size_text

# the installer of NixOS lives in memory; kernels keep some of a machine's gigabyte for themselves
LEAST_MEMORY = 900_000_000
# two generations of the system, and mail
LEAST_DISK = 8_000_000_000
# of systemd-detect-virt(1): they share their host's kernel
CONTAINERS = frozenset(
    {"docker", "lxc", "lxc-libvirt", "openvz", "podman", "rkt", "systemd-nspawn", "wsl", "proot"}
)
# addresses behind a router: RFC 1918, RFC 6598 (providers' own), RFC 4193
PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the operator wants."""

    domain: str
    chatmail: str
    contact: str | None = None
    disk: str | None = None
    keys: tuple[str, ...] = ()
    reinstall: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How the relay reaches the Internet where no DHCP tells it.

    `fixed` are the addresses that nobody else would give to the machine.
    """

    mac: str
    dhcp: str
    accept_ra: bool
    fixed: tuple[Address, ...]
    gateways: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The installation; with `problems`, it is not done.

    `network` is None if DHCP and router advertisements provide everything.
    """

    request: Request
    machine: Machine
    disk: Disk | None
    network: Network | None
    keys: tuple[str, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def device(self) -> str:
        """The disk's name in the flake."""
        assert self.disk is not None
        return self.disk.lasting or self.disk.path


def make_plan(machine: Machine, request: Request, published: Published) -> Plan:
    """Decide; all problems are returned together."""
    disk = _disk(machine, request)
    keys = tuple(dict.fromkeys((*machine.keys, *request.keys)))
    problems = [*_problems(machine, request), *_disk_problems(machine, request, disk)]
    if not keys:
        problems.append(
            "No ssh key could log in afterwards: give yours, --key ~/.ssh/id_ed25519.pub."
        )
    return Plan(
        request=request,
        machine=machine,
        disk=disk,
        network=_network(machine),
        keys=keys,
        notes=(*_notes(machine), *_dns_notes(machine, request, published)),
        problems=tuple(problems),
    )


def _disk(machine: Machine, request: Request) -> Disk | None:
    """The given disk, or the one with the running system, or the only usable one."""
    if request.disk is not None:
        return next((d for d in machine.disks if request.disk in (d.path, d.lasting)), None)
    system = [disk for disk in machine.disks if "/" in disk.mounted]
    usable = [disk for disk in machine.disks if disk.writable and not disk.removable]
    return next((found[0] for found in (system, usable) if len(found) == 1), None)


def _disk_problems(machine: Machine, request: Request, disk: Disk | None) -> Iterator[str]:
    names = ", ".join(disk.path for disk in machine.disks) or "none"
    if disk is None and request.disk is not None:
        yield f"There is no disk {request.disk}; there are: {names}."
    elif disk is None:
        yield f"Say which disk is erased, --disk; there are: {names}."
    elif not disk.writable:
        yield f"{disk.path} is write-protected."
    elif disk.size < LEAST_DISK:
        yield f"{disk.path} has {size_text(disk.size)}; a relay needs {size_text(LEAST_DISK)}."


def _problems(machine: Machine, request: Request) -> Iterator[str]:
    if not machine.root:
        yield "The login must be root's: root@HOST."
    if machine.system is None:
        yield "The processor is neither x86_64 nor aarch64."
    if machine.virtualisation in CONTAINERS:
        yield (
            f"This is a container ({machine.virtualisation}), which runs its host's kernel. "
            "Use the image for Proxmox containers (docs/install.md), or a virtual machine."
        )
    elif not machine.kexec:
        yield (
            "The kernel may not start another one (kernel.kexec_load_disabled): start the machine "
            "again without that setting, or use an image (docs/install.md)."
        )
    if machine.memory < LEAST_MEMORY:
        yield (
            f"{size_text(machine.memory)} of memory are too little to install by ssh (1 GB). "
            "Use an image (docs/install.md)."
        )
    if machine.ipv4 is None and machine.ipv6 is None:
        yield "The machine has no way to the Internet (no default route)."
    if machine.ipv4 and machine.ipv6 and machine.ipv4.mac != machine.ipv6.mac:
        yield (
            f"IPv4 leaves by {machine.ipv4.name} and IPv6 by {machine.ipv6.name}: write the flake "
            "yourself (docs/install.md)."
        )
    if machine.os.get("ID") == "nixos" and not _is_installer(machine) and not request.reinstall:
        yield (
            "NixOS runs here already: add the module to its configuration (docs/install.md), or "
            "have it erased with --reinstall."
        )


def _is_installer(machine: Machine) -> bool:
    return machine.os.get("VARIANT_ID") == "installer"


def _notes(machine: Machine) -> Iterator[str]:
    if not machine.port25:
        yield (
            "Port 25 is closed outwards: classic mail servers and some relays will not get mail. "
            "Ask the provider to open it."
        )
    for uplink in (machine.ipv4, machine.ipv6):
        if uplink and all(is_private(address) for address in uplink.addresses):
            yield (
                f"{uplink.addresses[0].ip} is no public address: forward the router's ports "
                "(docs/install.md)."
            )
    if machine.ipv4 is None:
        yield "There is no IPv4 address: relays and servers without IPv6 are out of reach."


def is_private(address: Address) -> bool:
    """Whether an IP address is behind a router."""
    return any(address.version == net.version and address.ip in net for net in PRIVATE)


def _dns_notes(machine: Machine, request: Request, published: Published) -> Iterator[str]:
    if not published.known:
        yield f"DNS does not answer for {request.domain}: does the domain exist?"
        return
    strangers = published.addresses - machine.addresses
    if strangers:
        yield (
            f"DNS says that {request.domain} is {', '.join(sorted(strangers))}, which is not this "
            "machine: change it after the installation."
        )
    others = [name for name in published.mail_servers if name != request.domain]
    if others:
        yield (
            f"Mail of {request.domain} goes to {', '.join(others)} now. A relay takes all of it: "
            f"use a name of its own, such as chat.{request.domain}, if people have mail there."
        )


def _network(machine: Machine) -> Network | None:
    """The static configuration, if any."""
    fixed = [uplink for uplink in (machine.ipv4, machine.ipv6) if uplink and not uplink.automatic]
    if not fixed:
        return None
    automatic4 = machine.ipv4 is not None and machine.ipv4.automatic
    automatic6 = machine.ipv6 is not None and machine.ipv6.automatic
    return Network(
        mac=fixed[0].mac,
        dhcp="ipv4" if automatic4 else "no",
        accept_ra=automatic6 or any(uplink.gateway is None for uplink in fixed),
        fixed=tuple(
            address for uplink in fixed for address in uplink.addresses if not uplink.automatic
        ),
        gateways=tuple(_gateways(fixed)),
    )


def _gateways(uplinks: list[Uplink]) -> Iterator[tuple[str, bool]]:
    """Each gateway, and whether it is outside of the networks of the IP addresses."""
    for uplink in uplinks:
        if uplink.gateway is not None:
            gateway = ipaddress.ip_address(uplink.gateway)
            inside = any(gateway in address.network for address in uplink.addresses)
            yield uplink.gateway, not (inside or gateway.is_link_local)
