"""Machines, as inspect.sh prints them."""

import json
from typing import Any

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAda ada@laptop"
DEBIAN = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian'
MAC = "52:54:00:12:34:56"


def disk(name: str = "vda", size: int = 40_000_000_000, *, root: bool = True) -> dict[str, Any]:
    """One entry of lsblk, with one partition."""
    part = {
        "name": f"{name}1",
        "path": f"/dev/{name}1",
        "type": "part",
        "size": size - 1_000_000,
        "model": None,
        "fstype": "ext4",
        "label": None,
        "mountpoint": "/" if root else None,
        "ro": False,
        "rm": False,
    }
    whole = {"name": name, "path": f"/dev/{name}", "type": "disk", "size": size, "model": "QEMU"}
    whole |= {"fstype": None, "label": None, "mountpoint": None, "ro": False, "rm": False}
    return whole | {"children": [part]}


def address(local: str, prefix: int, *, dynamic: bool = False) -> dict[str, Any]:
    """One address of `ip -json address`."""
    family = "inet6" if ":" in local else "inet"
    info: dict[str, Any] = {"family": family, "local": local, "prefixlen": prefix}
    return info | {"scope": "global"} | ({"dynamic": True} if dynamic else {})


def link(*addresses: dict[str, Any], name: str = "ens3", mac: str = MAC) -> dict[str, Any]:
    """One network interface."""
    local = {"family": "inet6", "local": "fe80::1234", "prefixlen": 64, "scope": "link"}
    return {"ifname": name, "address": mac, "addr_info": [*addresses, local]}


DHCP = [link(address("203.0.113.5", 24, dynamic=True), address("2001:db8::5", 64, dynamic=True))]
ROUTE4 = [{"dst": "default", "gateway": "203.0.113.1", "dev": "ens3", "flags": []}]
ROUTE6 = [{"dst": "default", "gateway": "fe80::1", "dev": "ens3", "metric": 1024, "flags": []}]


def inspected(**given: Any) -> str:
    """Output of inspect.sh; the default is a virtual machine with Debian, BIOS and DHCP."""
    parts = {
        "user": "0",
        "arch": "x86_64",
        "os": DEBIAN,
        "memory": "2014632 kB",
        "virtualisation": "kvm",
        "efi": "",
        "kexec": "0",
        "disks": json.dumps({"blockdevices": given.pop("blocks", [disk()])}),
        "names": "",
        "modules": "virtio_blk\nvirtio_pci",
        "addresses": json.dumps(given.pop("links", DHCP)),
        "routes": json.dumps(given.pop("routes4", ROUTE4)),
        "routes6": json.dumps(given.pop("routes6", ROUTE6)),
        "keys": KEY,
        "port25": "220",
    }
    assert given.keys() <= parts.keys()
    return "".join(f"\n== {name}\n{text}\n" for name, text in (parts | given).items())


FIXED = [link(address("203.0.113.5", 32), address("2001:db8::5", 64))]
ROUTE4_OUTSIDE = [{"dst": "default", "gateway": "172.31.1.1", "dev": "ens3", "flags": ["onlink"]}]
# each is a file below golden/
MACHINES = {
    "bios-dhcp": inspected(),
    "efi-fixed": inspected(
        efi="yes",
        links=FIXED,
        routes4=ROUTE4_OUTSIDE,
        names="/dev/vda /dev/disk/by-id/virtio-1\n/dev/vda1 /dev/disk/by-id/virtio-1-part1",
    ),
    "arm-metal-ipv6": inspected(
        arch="aarch64",
        virtualisation="none",
        efi="yes",
        modules="nvme",
        blocks=[disk("nvme0n1", 256_000_000_000)],
        links=[link(address("2001:db8::5", 64), address("2001:db8::6", 64, dynamic=True))],
        routes4=[],
    ),
    "dhcp-and-fixed-ipv6": inspected(
        links=[link(address("203.0.113.5", 24, dynamic=True), address("2001:db8::5", 64))]
    ),
}
