"""The other fronts of a relay, in DNS."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chatmaild.dkim.keys import public_record
from chatmaild.operator.cluster.fronts import (
    Front,
    addresses_of,
    advice,
    keys,
    leads_to,
    other_fronts,
)
from chatmaild.operator.dnscheck.published import Published
from chatmaild.settings import Settings

PUBLIC_KEY = "A" * 43 + "="
KEY = "chatmail-front2._domainkey.chat.example.org"
KNOWN = Front(name="front2", addresses=("203.0.113.2", "2001:db8::2"), key_name=KEY)
BY_IPV4 = Front(name="front2", addresses=("203.0.113.2",), key_name=KEY)
PRIVATE = Front(name="front2", addresses=(), key_name=KEY)


@pytest.fixture
def front(settings_json: dict[str, Any]) -> Settings:
    """The first of two fronts."""
    settings_json["cluster"] |= {
        "role": "front",
        "machine": "front1",
        "fronts": {
            name: {
                "address": f"fd00::{name[-1]}",
                "host": f"{name}.test",
                "publicKey": "A" * 43 + "=",
            }
            for name in ("front1", "front2")
        },
    }
    settings_json["dkim"]["selector"] = "chatmail-front1"
    return Settings.from_json(settings_json)


def test_a_whole_relay_has_no_others(settings: Settings) -> None:
    """One machine."""
    assert other_fronts(settings) == ()


def test_the_others_are_found_by_their_host(front: Settings) -> None:
    """Private addresses are none that DNS could have."""
    names = {"front2.test": ["203.0.113.2", "10.1.2.3", "fd00::9", "127.0.0.1", "2001:db8::2"]}

    assert other_fronts(front, names.__getitem__) == (KNOWN,)


def test_what_to_publish_for_them() -> None:
    """Their addresses, as far as they are known, and their key."""
    assert [(r.type, r.value) for r in addresses_of([KNOWN], "chat.example.org")] == [
        ("A", "203.0.113.2"),
        ("AAAA", "2001:db8::2"),
    ]
    there = "`chatmail dns` prints that on front2"
    assert advice([KNOWN], ["A", "AAAA"]) == [f"also publish for front2: {KEY}; {there}"]
    assert advice([BY_IPV4], ["A", "AAAA"]) == [
        f"also publish for front2: {KEY}, its AAAA record, if it has one; {there}"
    ]


@pytest.mark.parametrize(
    ("other", "address", "expected"),
    [
        (KNOWN, "203.0.113.2", True),
        (KNOWN, "203.0.113.9", False),
        (KNOWN, "2001:db8::9", False),
        (BY_IPV4, "203.0.113.9", False),
        # nothing says that it is not its own
        (BY_IPV4, "2001:db8::9", True),
        (PRIVATE, "203.0.113.9", True),
    ],
)
def test_a_published_address_may_be_anothers(other: Front, address: str, expected: bool) -> None:
    """Of a protocol whose addresses are not known, any may be."""
    assert leads_to([other], address) is expected
    assert not leads_to([], address)


@pytest.mark.parametrize(("number", "state"), [(1, "ok"), (0, "missing"), (2, "differs")])
def test_the_key_of_another_front(dkim_key: rsa.RSAPrivateKey, number: int, state: str) -> None:
    """Only that machine knows which it is; one must be there."""
    assert state_of([public_record(dkim_key)] * number) == state


def test_a_key_that_nobody_can_use() -> None:
    """A revoked one, for example."""
    assert state_of(["v=DKIM1;p="]) == "differs"


def state_of(texts: list[str]) -> str:
    """The state of the key of the second front; never a fault of this machine."""
    published = Published(lambda name, kind: texts if (name, kind) == (KEY, "TXT") else [])
    (found,) = keys([KNOWN], published)
    assert not found.is_fault
    return found.state
