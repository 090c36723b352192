"""Headers of up to 1 MiB pass, with fields of up to 57,000 bytes; accepted ones arrive whole."""

from __future__ import annotations

from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person

TOO_LARGE = (500, "Failed to parse message: header too large")


def _many(form: str, count: int) -> bytes:
    return "".join(form.format(number) + "\r\n" for number in range(count)).encode()


def _crowd(people: int) -> str:
    """Return a field with many mailboxes of 37 bytes each."""
    return ",\r\n ".join(f"<somebody{number:06d}@elsewhere.example>" for number in range(people))


def _large() -> dict[str, str]:
    """Return fields of 940 KB in sum."""
    return {"To": _crowd(1500), **{f"X-{number}": _crowd(1500) for number in range(16)}}


def test_long_fields_arrive(alice: Person, carol: Person) -> None:
    """From relay to relay."""
    alice.sends(carol, text="crowd", headers=_large())

    letter = carol.receives()
    assert letter.text == "crowd"
    assert f"\nTo: {_crowd(1500)}\r\n".encode() in letter.raw


def test_long_fields_arrive_at_port_25(peer: Peer, alice: Person, carol: Person) -> None:
    """Their signature is still valid."""
    message = peer.signs(alice.writes(carol, text="crowd", headers=_large()))

    assert peer.delivers(message, carol, mail_from=alice.address).code == 250
    assert carol.receives().text == "crowd"


def test_thousands_of_fields_arrive(alice: Person, carol: Person) -> None:
    """The other relay can verify our signature."""
    message = _many("References: <{}@elsewhere.example>", 3000) + alice.writes(carol, text="many")

    assert alice.submits(message, carol).code == 250
    assert carol.receives().text == "many"


def test_hundreds_of_fields_are_removed(alice: Person, carol: Person) -> None:
    """Thousands are refused, because removing them would keep Postfix busy for seconds."""
    message = alice.writes(carol, text="few")

    assert alice.submits(_many("X-Number-{}: x", 900) + message, carol).code == 250
    assert carol.receives().text == "few"
    assert alice.submits(_many("X-Number-{}: x", 1100) + message, carol) == TOO_LARGE


def test_a_header_above_the_limit_is_refused(peer: Peer, alice: Person, carol: Person) -> None:
    """It is not cut: neither one long field, which Postfix would cut, nor many fields."""
    for headers in (
        {"To": _crowd(1621)},
        {"To": _crowd(30_000)},
        {"X-Long": "x" * 57_000},
        {f"X-{number}": _crowd(1500) for number in range(20)},
    ):
        message = alice.writes(carol, headers=headers)
        assert alice.submits(message, carol) == TOO_LARGE
        assert peer.delivers(peer.signs(message), carol, mail_from=alice.address) == TOO_LARGE


def test_a_content_type_of_semicolons_is_refused(peer: Peer, alice: Person, carol: Person) -> None:
    """It is refused as clear text without delay."""
    headers = {"Content-Type": "multipart/encrypted" + ";" * 900}
    message = peer.signs(alice.writes(carol, headers=headers))
    assert peer.delivers(message, carol, mail_from=alice.address).code == 523

    headers = {"Content-Type": "multipart/encrypted" + (";" * 900 + "\r\n ") * 60}
    message = peer.signs(alice.writes(carol, headers=headers))
    assert peer.delivers(message, carol, mail_from=alice.address).code == 523
