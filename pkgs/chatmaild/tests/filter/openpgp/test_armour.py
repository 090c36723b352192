"""Rule E1: armour headers (RFC 9580 section 6.2)."""

import base64

import pytest

from chatmaild.filter.content import Content

from ..support.messages import (
    CLOSE,
    CONTROL,
    DATA_TYPE,
    armour,
    encrypted,
    headers,
    packets,
    part,
    read,
)

GOOD = armour(packets())
HEADS = [
    b"Version: GnuPG v2\r\n",
    b"Version: GnuPG v1.4.11 (GNU/Linux)\r\nComment: Using GnuPG with Mozilla - "
    b"http://www.enigmail.example/\r\n",
    b"Version: GnuPG/MacGPG2 v2.0.19 (Darwin)\r\nComment: GPGTools - http://gpgtools.example\r\n",
    b"Comment: GPGTools - https://gpgtools.example\r\n",
    b"Version: Mailvelope v4.4.1\r\nComment: https://www.mailvelope.example\r\n",
    b"Version: Mailvelope v0.9.0\r\nComment: Email security by Mailvelope - "
    b"https://www.mailvelope.example\r\n",
    b"Version: OpenPGP.js v4.10.8\r\nComment: https://openpgpjs.example\r\n",
    b"Version: FlowCrypt 7.6.9 Gmail Encryption\r\n"
    b"Comment: Seamlessly send and receive encrypted email\r\n",
    b"Version: FlowCrypt Email Encryption 8.5.13\r\n"
    b"Comment: Seamlessly send and receive encrypted email\r\n",
    b"Version: GopenPGP 2.7.3\r\nComment: https://gopenpgp.example\r\n",
    b"comment: https://git.example/ProtonMail/gopenpgp\r\nVERSION: GopenPGP 0.0.1 (ddacebe0)  \r\n",
    b"Version: ProtonMail\r\nComment: https://protonmail.example\r\n",
    b"Version: OpenKeychain v5.7.1\r\n",
    b"Version: PGP Desktop 9.6.3 (Build 3017)\r\nCharset: utf-8\r\n",
    b"Version: PGP Desktop 9.12.0 (Build 1035) - not licensed for commercial use: www.pgp.com\r\n",
    b"Version: BCPG C# v1.6.1.0\r\n",
]


@pytest.mark.parametrize("empty", [b"\r\n", b" \t\r\n"])
@pytest.mark.parametrize("head", HEADS)
def test_headers_of_known_programs_pass(head: bytes, empty: bytes) -> None:
    """GnuPG, GPGTools, Mailvelope, FlowCrypt, GopenPGP, OpenKeychain, PGP Desktop."""
    body = encrypted(armour(packets(), head=head + empty))
    in_base64 = CONTROL + part(
        DATA_TYPE + b"\r\nContent-Transfer-Encoding: base64",
        base64.encodebytes(armour(packets(), head=head + empty).replace(b"\r\n", b"\n")),
    )

    assert read(headers(), body, strict=True) is Content.ENCRYPTED
    assert read(headers(), body, strict=True, step=1) is Content.ENCRYPTED
    assert read(headers(), in_base64 + CLOSE, strict=True) is Content.ENCRYPTED
    assert read(headers(), body, strict=False) is Content.ENCRYPTED


@pytest.mark.parametrize("step", [1, 5, 65_535])
@pytest.mark.parametrize(
    "head",
    [
        b"Version: hello\r\n",
        b"Version: meet me at noon\r\n",
        b"Version: meet me at the old mill at 12\r\n",
        b"Comment: Hello\r\n",
        b"Comment: meet me at noon, https://x.example\r\n",
        b"Comment:\r\n",
        b"Comment: https://x.example/" + b"x" * 100 + b"\r\n",
        b"Comment: \xc3\xa4\r\n",
        b"Version: GnuPG v2\r\n" * 5,
        b"Hash: SHA256\r\n",
        b"MessageID: abcdefghijklmnopqrstuvwxyz012345\r\n",
        b"X-Anything: that a receiver ignores\r\n",
        b"version: Some 1\r\nCharset: a b\r\n",
    ],
)
def test_other_headers_pass_in_incoming_mail_only(head: bytes, step: int) -> None:
    """Receivers ignore unknown headers (RFC 9580 section 6.2.2)."""
    body = encrypted(armour(packets(), head=head + b"\r\n"))

    assert read(headers(), body, strict=True, step=step) is Content.CLEAR
    assert read(headers(), body, strict=False, step=step) is Content.ENCRYPTED


@pytest.mark.parametrize("step", [1, 5, 65_535])
@pytest.mark.parametrize(
    "head",
    [
        b"Hello, world\r\n",
        b": Hello\r\n",
        b"Hello:world\r\n",
        b"X Y: Hello\r\n",
        b" Comment: folded\r\n",
        b"Comment: a\0b\r\n",
        b"Comment: a\rb\r\n",
        b"Comment: x\r\n" * 17,
        b"Comment: " + b"x" * 2048 + b"\r\n",
        b"\r\n" * 2000,
        b"\r\nComment: behind the empty line\r\n",
    ],
)
def test_malformed_headers_are_refused(head: bytes, step: int) -> None:
    """Too many and too long headers are refused, too."""
    body = encrypted(armour(packets(), head=head + b"\r\n"))
    if head == b"\r\n" * 2000:
        body = encrypted(head + GOOD)

    assert read(headers(), body, strict=True, step=step) is Content.CLEAR
    assert read(headers(), body, strict=False, step=step) is Content.CLEAR
