"""What is searched for: each secret in the forms that a file may have."""

from __future__ import annotations

import base64
import ipaddress
import re

import pytest

from chatmail_testkit.traces import patterns
from chatmail_testkit.traces.ledger import MARK, Secret


def test_marked_and_other_secrets() -> None:
    """Marked ones are in the table; others are fixed strings, with three forms of base64."""
    asked = patterns.request([Secret("address", "qz1234567"), Secret("password", "Other one 9")])

    assert asked["marked"] == {"qz1234567": "address"}
    assert len(asked["fixed"]) == 4
    assert asked["fixed"]["other one 9"] == ("password", "Other one 9")
    assert asked["ips"] == {}


@pytest.mark.parametrize("before", range(3))
def test_base64(before: int) -> None:
    """With any bytes before and after it."""
    name = f"{MARK}k3n5v7b"
    for filling in (b"\x00", b"a", b"\xff"):
        text = base64.b64encode(filling * before + name.encode() + filling * 2).decode()

        assert re.search(patterns.base64_classes(MARK.encode())[before], text)
        assert patterns.inner_base64(name.encode())[before] in text


@pytest.mark.parametrize(
    ("ip", "text", "is_found"),
    [
        ("192.0.2.2", "client=x[192.0.2.2]", True),
        ("192.0.2.2", "from 192.0.2.2.", True),
        ("192.0.2.2", "192.0.2.20", False),
        ("192.0.2.2", "10.192.0.2.2", False),
        ("192.0.2.2", "1192.0.2.2", False),
        # the name of a relay without a domain
        ("192.0.2.2", "From: <eve@[192.0.2.2]>", False),
        ("192.0.2.2", "2.2.0.192.in-addr.arpa", True),
        ("192.0.2.2", "020200C0:01BB", True),
        ("192.0.2.2", "\x02\x00\x01\xbb\xc0\x00\x02\x02", True),
        ("192.0.2.2", "\x00\x00\xff\xff\xc0\x00\x02\x02", True),
        ("2001:db8::2", "IPv6:2001:db8::2]", True),
        ("2001:db8::2", "rip=2001:0db8:0000:0000:0000:0000:0000:0002", True),
        ("2001:db8::2", "2001:db8:0:0:0:0:0:2", True),
        ("2001:db8::2", "2001:DB8::2 - -", True),
        ("2001:db8::2", "2001:db8::20", False),
        ("2001:db8::2", "<eve@[IPv6:2001:db8::2]>", False),
        ("2001:db8::2", "20010db8000000000000000000000002", True),
        ("2001:db8::2", "\x20\x01\x0d\xb8" + "\x00" * 11 + "\x02", True),
    ],
)
def test_ip_addresses(ip: str, text: str, is_found: bool) -> None:
    """Text, hexadecimal digits, binary; not a part of another one, nor a mail domain."""
    forms = patterns.ip_forms(ip)
    many = [Secret("IP address", other) for other in (ip, "192.0.2.150", "2001:db8::ff")]
    asked = patterns.request(many)
    any_ip = asked["any_ip"]

    if is_found:
        assert any(part.lower() in text.lower() for part in asked["ip_parts"])
    assert bool(re.search(any_ip, text, re.IGNORECASE | re.DOTALL)) is is_found
    assert any(re.search(form, text, re.IGNORECASE | re.DOTALL) for form in forms) is is_found


def test_each_form_has_a_part() -> None:
    """Also where a byte of an IP address is the end of a line: there, grep begins anew."""
    ips = ["10.10.66.7", "192.0.2.10", "2001:db8::a0a:1", "2001:db8:a0a::10", "1.2.3.123"]
    for ip in ips:
        parts = {part.lower() for part in patterns.ip_parts([ip])}
        other = {part.lower() for part in patterns.ip_parts(ips)}
        packed = ipaddress.ip_address(ip).packed
        texts = {ip, ipaddress.ip_address(ip).exploded, ipaddress.ip_address(ip).reverse_pointer}
        digits = {packed.hex(), packed[::-1].hex()} if len(packed) == 4 else {packed.hex()}
        for text in texts | digits | {packed.decode("latin-1")}:
            assert any(part in text.lower() for part in parts), text
        assert parts <= other
        assert not any("\n" in part or not part for part in parts)
