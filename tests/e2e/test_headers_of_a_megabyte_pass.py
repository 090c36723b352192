"""A header has at most 1 MiB, a field 57,000 bytes; what was accepted arrives whole."""

from __future__ import annotations

from chatmail_testkit.peers.peer import Peer
from chatmail_testkit.people.person import Person

TOO_LARGE = (500, "Failed to parse message: header too large")


def _many(form: str, count: int) -> bytes:
    return "".join(form.format(number) + "\r\n" for number in range(count)).encode()


def _crowd(people: int) -> str:
    """A field that names many, 37 bytes each."""
    return ",\r\n ".join(f"<somebody{number:06d}@elsewhere.example>" for number in range(people))


def _large() -> dict[str, str]:
    """Fields of 940 KB together."""
    return {"To": _crowd(1500), **{f"X-{number}": _crowd(1500) for number in range(16)}}


def test_long_fields(alice: Person, carol: Person) -> None:
    """From relay to relay."""
    alice.sends(carol, text="crowd", headers=_large())

    letter = carol.receives(within_s=20)
    assert letter.text == "crowd"
    assert f"\nTo: {_crowd(1500)}\r\n".encode() in letter.raw


def test_long_fields_from_elsewhere(peer: Peer, alice: Person, carol: Person) -> None:
    """Their signature is valid still."""
    message = peer.signs(alice.writes(carol, text="crowd", headers=_large()))

    assert peer.delivers(message, carol, mail_from=alice.address).code == 250
    assert carol.receives(within_s=20).text == "crowd"


def test_thousands_of_fields(alice: Person, carol: Person) -> None:
    """We sign what the other relay can verify."""
    message = _many("References: <{}@elsewhere.example>", 3000) + alice.writes(carol, text="many")

    assert alice.submits(message, carol).code == 250
    assert carol.receives(within_s=20).text == "many"


def test_hundreds_of_fields_to_remove(alice: Person, carol: Person) -> None:
    """They are removed; thousands would keep Postfix busy for seconds, and are refused."""
    message = alice.writes(carol, text="few")

    assert alice.submits(_many("X-Number-{}: x", 900) + message, carol).code == 250
    assert carol.receives(within_s=20).text == "few"
    assert alice.submits(_many("X-Number-{}: x", 1100) + message, carol) == TOO_LARGE


def test_a_header_that_is_too_large(peer: Peer, alice: Person, carol: Person) -> None:
    """It is refused, and not cut: in one field, which Postfix would cut, and in many."""
    for headers in (
        {"To": _crowd(1621)},
        {"To": _crowd(30_000)},
        {"X-Long": "x" * 57_000},
        {f"X-{number}": _crowd(1500) for number in range(20)},
    ):
        message = alice.writes(carol, headers=headers)
        assert alice.submits(message, carol) == TOO_LARGE
        assert peer.delivers(peer.signs(message), carol, mail_from=alice.address) == TOO_LARGE


def test_a_content_type_of_semicolons(peer: Peer, alice: Person, carol: Person) -> None:
    """It is clear text at once."""
    headers = {"Content-Type": "multipart/encrypted" + ";" * 900}
    message = peer.signs(alice.writes(carol, headers=headers))
    assert peer.delivers(message, carol, mail_from=alice.address).code == 523

    headers = {"Content-Type": "multipart/encrypted" + (";" * 900 + "\r\n ") * 60}
    message = peer.signs(alice.writes(carol, headers=headers))
    assert peer.delivers(message, carol, mail_from=alice.address).code == 523
