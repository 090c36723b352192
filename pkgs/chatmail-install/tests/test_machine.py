"""Parses the output of inspect.sh."""

import ipaddress

import pytest
from machines import DHCP, KEY, MACHINES, address, disk, inspected, link

from chatmail_install.machine import InspectError, Machine


def test_a_virtual_machine_with_debian() -> None:
    """Every section of the output."""
    machine = Machine.parse(MACHINES["bios-dhcp"])

    assert machine.root
    assert machine.system == "x86_64-linux"
    assert machine.os_name == "Debian GNU/Linux 12 (bookworm)"
    assert machine.memory == 2014632 * 1024
    assert not machine.efi
    assert machine.keys == (KEY,)
    assert machine.port25
    assert machine.addresses == {"203.0.113.5", "2001:db8::5"}
    (only,) = machine.disks
    assert only.mounted == ("/",)
    assert only.parts == ("vda1  40.0 GB  ext4  mounted as /",)


def test_dynamic_addresses_are_marked() -> None:
    """Those of DHCP and router advertisements have a lifetime."""
    machine = Machine.parse(MACHINES["dhcp-and-fixed-ipv6"])

    assert machine.ipv4 is not None
    assert machine.ipv4.automatic
    assert machine.ipv6 is not None
    assert not machine.ipv6.automatic
    assert machine.ipv6.gateway == "fe80::1"


def test_a_static_address_comes_before_a_dynamic_one() -> None:
    """Router advertisements add a second address."""
    machine = Machine.parse(MACHINES["arm-metal-ipv6"])

    assert machine.ipv6 is not None
    assert machine.ipv6.addresses == (ipaddress.ip_interface("2001:db8::5/64"),)


def test_the_default_route_with_the_smallest_metric_counts() -> None:
    """A second interface has another default route."""
    links = [*DHCP, link(address("10.0.0.2", 24), name="ens4", mac="52:54:00:00:00:02")]
    routes = [
        {"dst": "default", "gateway": "10.0.0.1", "dev": "ens4", "metric": 200},
        {"dst": "default", "gateway": "203.0.113.1", "dev": "ens3", "metric": 100},
    ]

    machine = Machine.parse(inspected(links=links, routes4=routes))

    assert machine.ipv4 is not None
    assert machine.ipv4.name == "ens3"


def test_temporary_addresses_are_ignored() -> None:
    """They change every day (RFC 8981)."""
    private = address("2001:db8::77", 64, dynamic=True) | {"temporary": True}

    machine = Machine.parse(
        inspected(links=[link(private, address("2001:db8::5", 64, dynamic=True))])
    )

    assert machine.addresses == {"2001:db8::5"}


def test_restricted_keys_are_ignored() -> None:
    """Providers add a key whose command prints `log in as debian`."""
    keys = f'no-pty,command="echo no" {KEY}\n# a comment\n{KEY}'

    assert Machine.parse(inspected(keys=keys)).keys == (KEY,)


def test_devices_without_a_disk_are_ignored() -> None:
    """Compressed memory, empty card readers, CD-ROMs."""
    blocks = [disk("zram0"), disk("sdb", 0), disk("sr0") | {"type": "rom"}, disk()]

    assert [found.path for found in Machine.parse(inspected(blocks=blocks)).disks] == ["/dev/vda"]


def test_old_output_of_lsblk_is_parsed() -> None:
    """util-linux before 2.33 writes numbers as strings."""
    old = disk() | {"size": "40000000000", "ro": "0", "rm": "1"}

    (only,) = Machine.parse(inspected(blocks=[old])).disks

    assert (only.size, only.writable, only.removable) == (40_000_000_000, True, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sh: not found",
        inspected().partition("== port25")[0],
        inspected(disks=""),
        inspected(memory=""),
    ],
)
def test_other_output_is_an_error(text: str) -> None:
    """And not a traceback."""
    with pytest.raises(InspectError):
        Machine.parse(text)
