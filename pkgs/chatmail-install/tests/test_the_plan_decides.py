"""What becomes of a machine, and what is refused."""

from typing import Any

import pytest
from looks import KEY, MACHINES, address, disk, link, look

from chatmail_install.dns import Published
from chatmail_install.machine import Machine
from chatmail_install.plan import Plan, Wish, make_plan

WISH = {"domain": "chat.ada.example", "chatmail": "github:ada/chatmail"}


def plan(text: str, published: Published | None = None, **wish: Any) -> Plan:
    return make_plan(Machine.parse(text), Wish(**WISH | wish), published or Published())


@pytest.mark.parametrize("name", MACHINES)
def test_usual_machines_have_no_problem(name: str) -> None:
    """Nor is anything to be noted, but for IPv6 alone."""
    made = plan(MACHINES[name])

    assert made.problems == ()
    assert ("no IPv4" in " ".join(made.notes)) == (name == "arm-metal-ipv6")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"user": "1000"}, "root@HOST"),
        ({"arch": "riscv64"}, "neither x86_64 nor aarch64"),
        ({"virtualisation": "lxc"}, "This is a container (lxc)"),
        ({"virtualisation": "openvz"}, "This is a container (openvz)"),
        ({"kexec": "1"}, "kexec_load_disabled"),
        ({"memory": "507904 kB"}, "0.5 GB of memory are too little"),
        ({"routes4": [], "routes6": []}, "no way to the Internet"),
        ({"os": "ID=nixos"}, "NixOS runs here already"),
        ({"keys": ""}, "No ssh key"),
        ({"blocks": [disk("vda", 5_000_000_000)]}, "a relay needs 8.0 GB"),
        ({"blocks": []}, "there are: none"),
        ({"blocks": [disk("sda", root=False), disk("sdb", root=False)]}, "Say which disk"),
        ({"blocks": [disk() | {"ro": True}]}, "write-protected"),
    ],
)
def test_what_cannot_be_done_is_told(given: dict[str, Any], told: str) -> None:
    """One sentence each, with the way out."""
    (problem,) = plan(look(**given)).problems

    assert told in problem


def test_all_problems_are_told_at_once() -> None:
    """Nobody tries five times."""
    assert len(plan(look(user="1000", arch="riscv64", memory="1 kB", keys="")).problems) == 4


def test_nixos_is_erased_when_asked_for() -> None:
    """And its installer is no system that somebody would miss."""
    assert plan(look(os="ID=nixos"), reinstall=True).problems == ()
    assert plan(look(os="ID=nixos\nVARIANT_ID=installer")).problems == ()


def test_the_disk_of_the_system_is_taken() -> None:
    """A second one with data stays."""
    blocks = [disk("sda", root=False), disk("sdb")]

    made = plan(look(blocks=blocks))

    assert made.disk is not None
    assert made.disk.path == "/dev/sdb"


def test_the_named_disk_is_taken() -> None:
    """By either of its names; a wrong one is told."""
    blocks = [disk("sda"), disk("sdb", root=False)]
    names = "/dev/sdb /dev/disk/by-id/ata-b"

    for name in ("/dev/sdb", "/dev/disk/by-id/ata-b"):
        made = plan(look(blocks=blocks, names=names), disk=name)
        assert made.disk is not None
        assert made.device == "/dev/disk/by-id/ata-b"
    assert "no disk /dev/sdz" in plan(look(blocks=blocks), disk="/dev/sdz").problems[0]


def test_a_removable_disk_is_not_taken_unasked() -> None:
    """The stick that the installer started from."""
    blocks = [disk("sda", root=False) | {"rm": True}, disk("sdb", root=False)]

    made = plan(look(blocks=blocks))

    assert made.disk is not None
    assert made.disk.path == "/dev/sdb"


def test_cards_that_share_the_way_are_left_to_a_person() -> None:
    """One for IPv4, one for IPv6."""
    links = [
        link(address("203.0.113.5", 24)),
        link(address("2001:db8::5", 64), name="ens4", mac="52:54:00:00:00:02"),
    ]
    routes6 = [{"dst": "default", "gateway": "fe80::1", "dev": "ens4"}]

    assert "write the flake yourself" in plan(look(links=links, routes6=routes6)).problems[0]


@pytest.mark.parametrize(
    ("given", "published", "told"),
    [
        ({"port25": ""}, Published(), "Port 25 is closed outwards"),
        ({}, Published(known=False), "DNS does not answer"),
        ({}, Published(addresses=frozenset({"192.0.2.9"})), "192.0.2.9, which is not this machine"),
        ({}, Published(mail_servers=("mx.mail.example",)), "goes to mx.mail.example now"),
        (
            {"links": [link(address("192.168.1.5", 24, dynamic=True))], "routes6": []},
            Published(),
            "192.168.1.5 is no public address",
        ),
    ],
)
def test_what_to_know_is_noted(given: dict[str, Any], published: Published, told: str) -> None:
    """It stands in nobody's way."""
    made = plan(look(**given), published)

    assert made.problems == ()
    (note,) = made.notes
    assert told in note


def test_published_records_of_this_machine_are_right() -> None:
    """Nothing to note."""
    published = Published(addresses=frozenset({"203.0.113.5"}), mail_servers=("chat.ada.example",))

    assert plan(look(), published).notes == ()


def test_keys_are_those_of_the_machine_and_those_given() -> None:
    """Whoever got in before gets in afterwards."""
    other = "ssh-ed25519 AAAAother eve@laptop"

    assert plan(look(), keys=(other, KEY)).keys == (KEY, other)
