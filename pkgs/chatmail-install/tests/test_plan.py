"""Plans, their notes and their problems."""

from typing import Any

import pytest
from machines import KEY, MACHINES, address, disk, inspected, link

from chatmail_install.dns import Published
from chatmail_install.machine import Machine
from chatmail_install.plan import Plan, Request, make_plan

REQUEST = {"domain": "chat.ada.example", "chatmail": "github:ada/chatmail"}


def plan(text: str, published: Published | None = None, **request: Any) -> Plan:
    return make_plan(Machine.parse(text), Request(**REQUEST | request), published or Published())


@pytest.mark.parametrize("name", MACHINES)
def test_usual_machines_have_no_problem(name: str) -> None:
    """And no note, except for IPv6 only."""
    made = plan(MACHINES[name])

    assert made.problems == ()
    assert ("no IPv4" in " ".join(made.notes)) == (name == "arm-metal-ipv6")


@pytest.mark.parametrize(
    ("given", "text"),
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
def test_a_problem_has_a_sentence(given: dict[str, Any], text: str) -> None:
    """With what to do."""
    (problem,) = plan(inspected(**given)).problems

    assert text in problem


def test_all_problems_are_returned_together() -> None:
    """One correction is enough."""
    assert len(plan(inspected(user="1000", arch="riscv64", memory="1 kB", keys="")).problems) == 4


def test_reinstall_erases_nixos() -> None:
    """The installer is erased without it."""
    assert plan(inspected(os="ID=nixos"), reinstall=True).problems == ()
    assert plan(inspected(os="ID=nixos\nVARIANT_ID=installer")).problems == ()


def test_the_disk_of_the_system_is_taken() -> None:
    """A second disk stays."""
    blocks = [disk("sda", root=False), disk("sdb")]

    made = plan(inspected(blocks=blocks))

    assert made.disk is not None
    assert made.disk.path == "/dev/sdb"


def test_the_named_disk_is_taken() -> None:
    """By both names; an unknown name is a problem."""
    blocks = [disk("sda"), disk("sdb", root=False)]
    names = "/dev/sdb /dev/disk/by-id/ata-b"

    for name in ("/dev/sdb", "/dev/disk/by-id/ata-b"):
        made = plan(inspected(blocks=blocks, names=names), disk=name)
        assert made.disk is not None
        assert made.device == "/dev/disk/by-id/ata-b"
    assert "no disk /dev/sdz" in plan(inspected(blocks=blocks), disk="/dev/sdz").problems[0]


def test_a_removable_disk_is_not_the_default() -> None:
    """It may hold the installer."""
    blocks = [disk("sda", root=False) | {"rm": True}, disk("sdb", root=False)]

    made = plan(inspected(blocks=blocks))

    assert made.disk is not None
    assert made.disk.path == "/dev/sdb"


def test_two_uplinks_are_a_problem() -> None:
    """One interface for IPv4, another for IPv6."""
    links = [
        link(address("203.0.113.5", 24)),
        link(address("2001:db8::5", 64), name="ens4", mac="52:54:00:00:00:02"),
    ]
    routes6 = [{"dst": "default", "gateway": "fe80::1", "dev": "ens4"}]

    assert "write the flake yourself" in plan(inspected(links=links, routes6=routes6)).problems[0]


@pytest.mark.parametrize(
    ("given", "published", "text"),
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
def test_a_note_has_a_sentence(given: dict[str, Any], published: Published, text: str) -> None:
    """It is no problem."""
    made = plan(inspected(**given), published)

    assert made.problems == ()
    (note,) = made.notes
    assert text in note


def test_correct_records_have_no_note() -> None:
    """The domain is published with the machine's IP addresses."""
    published = Published(addresses=frozenset({"203.0.113.5"}), mail_servers=("chat.ada.example",))

    assert plan(inspected(), published).notes == ()


def test_keys_of_machine_and_command_line_log_in() -> None:
    """Without duplicates."""
    other = "ssh-ed25519 AAAAother eve@laptop"

    assert plan(inspected(), keys=(other, KEY)).keys == (KEY, other)
