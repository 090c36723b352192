"""Which pairs of machines a relay can move between."""

from typing import Any

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move import plan

from .conftest import MakeLook


def test_equal_machines(look: MakeLook) -> None:
    """A newer version, and other limits, do no harm; the limits are told."""
    new = look({"limits.imap_connections": 7}, version="0.10.0")

    assert plan.problems(look(addresses=3), new) == []
    (note,) = plan.notes(look(), new)
    assert note.startswith("limits.imap_connections is ")
    assert note.endswith(" here and 7 on the new machine")


@pytest.mark.parametrize(
    ("changed", "facts", "problem"),
    [
        ({}, {"version": "0.2.9"}, "version 0.2.9, older than 0.3.0"),
        ({"domain": "other.example.org"}, {}, "domain is "),
        ({"directories.mail": "/srv"}, {}, "directories.mail is "),
        ({"dkim.selector": "next"}, {}, "dkim.selector is "),
        ({"tls.mode": "files"}, {}, "tls.mode is "),
        ({}, {"is_root": False}, "the new machine: chatmail does not run as root"),
        ({}, {"missing": ("rsync",)}, "the new machine: rsync is not installed"),
        ({}, {"wrong_units": ("dovecot is failed: start it",)}, "the new machine: dovecot is"),
        ({}, {"addresses": 1}, "not empty: 1 addresses, 0 messages"),
        ({}, {"queued": 2}, "not empty: 0 addresses, 2 messages"),
        ({}, {"clock_s": 1_000_000_100.0}, "clocks differ by 100 s"),
        ({}, {"free_bytes": 300 << 20}, "has 300 MiB free, and needs 309 MiB"),
        ({}, {"free_inodes": 2100}, "2100 inodes free, and needs 3089"),
        ({}, {"move": {"number": "other", "phase": "receiving"}}, "another move"),
        ({}, {"move": {"number": "other", "phase": "serving"}}, "another move"),
        ({}, {"move": {"number": "other", "phase": "moved"}, "addresses": 9}, "not empty"),
    ],
)
def test_problems(
    look: MakeLook, changed: dict[str, Any], facts: dict[str, Any], problem: str
) -> None:
    """One sentence each."""
    old = look(files=1000, size_bytes=100 << 20)
    (found,) = plan.problems(old, look(changed, **facts))

    assert problem in found


def test_a_relay_without_a_domain(look: MakeLook) -> None:
    """Other relays check its IP address."""
    literal = look({"mail_domain": "[192.0.2.1]"})

    (found,) = plan.problems(literal, literal)
    assert "without a domain cannot move" in found


@pytest.mark.parametrize("phase", ["receiving", "abandoned"])
def test_a_move_is_repeated(look: MakeLook, phase: str) -> None:
    """The new machine may have all of it already, and needs no more space."""
    whole = {"addresses": 3, "files": 1000, "size_bytes": 100 << 20}
    old = look(move={"number": "a", "phase": "copying"}, **whole)
    new = look(move={"number": "a", "phase": phase}, free_bytes=201 << 20, **whole)

    assert plan.problems(old, new) == []


@pytest.mark.parametrize("text", ["root@new.test", "new", "root@192.0.2.1", "root@2001:db8::1"])
def test_targets(text: str) -> None:
    """Names for ssh and rsync."""
    assert plan.checked_target(text) == text


@pytest.mark.parametrize(
    "text", ["", "-oProxyCommand=x", "a b", "root@-x", "ssh://a", "a:/b", "a;b"]
)
def test_other_targets(text: str) -> None:
    """No options, paths and shells."""
    with pytest.raises(ChatmaildError, match="TARGET is like"):
        plan.checked_target(text)


def test_dns(look: MakeLook) -> None:
    """Changed and vanished addresses; equal ones are left out."""
    old = look(addresses_by_type={"A": "192.0.2.1", "AAAA": "2001:db8::1"})

    assert plan.dns_changes(old, look(addresses_by_type={"A": "192.0.2.2"})) == [
        "chat.example.org. A 192.0.2.2 (instead of 192.0.2.1)",
        "delete chat.example.org. AAAA 2001:db8::1: the new machine has no such address",
    ]
    assert plan.dns_changes(old, old) == []


@pytest.mark.parametrize("data", [None, [], {}, {"missing": []}, {"version": "1"}])
def test_an_answer_of_another_version(data: Any) -> None:
    """Is no traceback."""
    with pytest.raises(ChatmaildError, match="answer cannot be read"):
        plan.Look.from_json(data)


def test_connections_are_not_passed_on_to_the_same_machine(look: MakeLook) -> None:
    """Two machines behind address translation may have the same IP address."""
    old = look(addresses_by_type={"A": "10.0.0.4", "AAAA": "2001:db8::1"})
    new = look(addresses_by_type={"A": "10.0.0.4", "AAAA": "2001:db8::2"})

    assert plan.forward_addresses(old, new) == ["2001:db8::2"]
    assert plan.forward_addresses(old, old) == []
