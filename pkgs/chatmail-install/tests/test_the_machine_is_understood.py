"""The answer of look.sh becomes a machine."""

import ipaddress

import pytest
from looks import DHCP, KEY, MACHINES, address, disk, link, look

from chatmail_install.machine import LookError, Machine


def test_a_virtual_machine_with_debian() -> None:
    """Every part of the answer."""
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


def test_addresses_of_the_network_are_told_from_fixed_ones() -> None:
    """DHCP and router advertisements give addresses that end."""
    machine = Machine.parse(MACHINES["dhcp-and-fixed-ipv6"])

    assert machine.ipv4 is not None
    assert machine.ipv4.automatic
    assert machine.ipv6 is not None
    assert not machine.ipv6.automatic
    assert machine.ipv6.gateway == "fe80::1"


def test_a_written_address_goes_before_a_given_one() -> None:
    """A router's advertisements add another address beside it."""
    machine = Machine.parse(MACHINES["arm-metal-ipv6"])

    assert machine.ipv6 is not None
    assert machine.ipv6.addresses == (ipaddress.ip_interface("2001:db8::5/64"),)


def test_the_default_route_with_the_smallest_metric_counts() -> None:
    """A second card leads elsewhere."""
    links = [*DHCP, link(address("10.0.0.2", 24), name="ens4", mac="52:54:00:00:00:02")]
    routes = [
        {"dst": "default", "gateway": "10.0.0.1", "dev": "ens4", "metric": 200},
        {"dst": "default", "gateway": "203.0.113.1", "dev": "ens3", "metric": 100},
    ]

    machine = Machine.parse(look(links=links, routes4=routes))

    assert machine.ipv4 is not None
    assert machine.ipv4.name == "ens3"


def test_temporary_addresses_are_no_addresses() -> None:
    """RFC 8981: they change every day."""
    private = address("2001:db8::77", 64, dynamic=True) | {"temporary": True}

    machine = Machine.parse(look(links=[link(private, address("2001:db8::5", 64, dynamic=True))]))

    assert machine.addresses == {"2001:db8::5"}


def test_restricted_keys_are_not_taken_over() -> None:
    """Providers write a key that says `log in as debian`."""
    keys = f'no-pty,command="echo no" {KEY}\n# a comment\n{KEY}'

    assert Machine.parse(look(keys=keys)).keys == (KEY,)


def test_disks_without_a_medium_are_none() -> None:
    """Empty card readers, compressed memory, CD-ROMs."""
    blocks = [disk("zram0"), disk("sdb", 0), disk("sr0") | {"type": "rom"}, disk()]

    assert [found.path for found in Machine.parse(look(blocks=blocks)).disks] == ["/dev/vda"]


def test_old_programs_are_understood() -> None:
    """util-linux before 2.33 writes numbers as strings."""
    old = disk() | {"size": "40000000000", "ro": "0", "rm": "1"}

    (only,) = Machine.parse(look(blocks=[old])).disks

    assert (only.size, only.writable, only.removable) == (40_000_000_000, True, True)


@pytest.mark.parametrize(
    "text",
    ["", "sh: not found", look().partition("== port25")[0], look(disks=""), look(memory="")],
)
def test_another_answer_is_an_error(text: str) -> None:
    """Not a traceback."""
    with pytest.raises(LookError):
        Machine.parse(text)
