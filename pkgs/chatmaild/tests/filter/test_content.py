"""Rule E1: the structure of an encrypted message."""

import base64

import pytest

from chatmaild.filter.content import Content

from .support.messages import (
    BEGIN,
    CLOSE,
    CONTROL,
    DATA_TYPE,
    ENCRYPTED_TYPE,
    END,
    armour,
    encrypted,
    headers,
    packet,
    packets,
    part,
    read,
)

GOOD = armour(packets())
DATA = part(DATA_TYPE, GOOD)


# a large body is not fed in tiny pieces: that takes long and tests nothing more
CUTS = [(size, step) for size in (41, 42, 43, 100, 5000) for step in (1, 2, 3, 5, 64, 1000, 65_535)]
CUTS += [(200_000, step) for step in (64, 1000, 65_535)]


@pytest.mark.parametrize(("size_bytes", "step"), CUTS)
def test_the_size_of_the_pieces_does_not_matter(size_bytes: int, step: int) -> None:
    """Postfix sends a body in pieces of its buffer size."""
    body = encrypted(armour(packets(size_bytes)))

    assert read(headers(), body, step=step) is Content.ENCRYPTED


@pytest.mark.parametrize(
    "body",
    [
        encrypted(),
        encrypted(armour(packets(), tail=b"=aBc4\r\n")),
        encrypted(armour(packets(), width=76)),
        encrypted(armour(packets(), width=1)),
        encrypted(armour(packets(), width=100_000)),
        encrypted(armour(packets(), head=b"")),
        encrypted(armour(packets(), head=b"\r\n\r\n\r\n")),
        encrypted(GOOD + b"\r\n\r\n"),
        encrypted(GOOD + b" \r\n\t\r\n"),
        encrypted(b"\r\n \r\n" + GOOD),
        encrypted(GOOD.replace(BEGIN, BEGIN.replace(b"\r", b" \t\r"))),
        encrypted(GOOD.replace(END, END.replace(b"\r", b" \r"))),
        encrypted(armour(packets(), head=b" \t\r\n")),
        encrypted(armour(packets(), tail=b" \r\n=aBc4 \r\n").replace(b"\r\n \r\n", b" \r\n")),
        b"\r\n\r\n" + encrypted() + b"\r\n \r\n",
        encrypted().removesuffix(b"\r\n"),
        CONTROL.replace(b"--=-cut\r\n", b"--=-cut  \t\r\n") + DATA + b"--=-cut-- \r\n",
        part(b"content-type: Application/PGP-Encrypted", b"\r\n Version: 1 \r\n") + DATA + CLOSE,
        CONTROL + part(DATA_TYPE + b"\r\nContent-Transfer-Encoding: 7BIT", GOOD) + CLOSE,
        CONTROL
        + part(DATA_TYPE + b"\r\nContent-Transfer-Encoding: base64", base64.encodebytes(GOOD))
        + CLOSE,
        CONTROL
        + part(
            DATA_TYPE + b"\r\nContent-Transfer-Encoding: base64",
            base64.encodebytes(GOOD.replace(b"\r\n", b"\n")),
        )
        + CLOSE,
        CONTROL
        + part(
            DATA_TYPE + b"\r\nContent-Transfer-Encoding: quoted-printable",
            GOOD.replace(b"=", b"=3D").replace(b"PGP ", b"PGP=\r\n=20"),
        )
        + CLOSE,
    ],
)
def test_the_forms_of_known_programs_pass(body: bytes) -> None:
    """For example Delta Chat, Thunderbird, GnuPG."""
    assert read(headers(), body, strict=True) is Content.ENCRYPTED
    assert read(headers(), body, strict=False) is Content.ENCRYPTED


@pytest.mark.parametrize("step", [1, 3, 65_535])
@pytest.mark.parametrize(
    "sentence",
    [
        b"This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)",
        b"This is an OpenPGP/MIME encrypted message (RFC 2440 and 3156)",
        b"This is an OpenPGP/MIME encrypted message\r\n(RFC 9580 and 3156)\r\n",
        b"This is a multi-part message in MIME format.",
        b"This is a multi-part message in MIME format...\r\n",
        b"This is a cryptographically signed message in MIME format.",
        b"This is a MIME-encapsulated message",
        b"\r\n\r\nThis message is in MIME format.\r\n\r\n",
    ],
)
def test_the_preambles_of_known_programs_pass(sentence: bytes, step: int) -> None:
    """Mail readers ignore preamble and epilogue (RFC 2046 section 5.1.1)."""
    before, after = sentence + b"\r\n" + encrypted(), encrypted() + sentence + b"\r\n"

    assert read(headers(), before, strict=True, step=step) is Content.ENCRYPTED
    assert read(headers(), after, strict=True, step=step) is Content.ENCRYPTED
    assert read(headers(), before, strict=False, step=step) is Content.ENCRYPTED


@pytest.mark.parametrize("step", [1, 7, 65_535])
@pytest.mark.parametrize(
    "body",
    [
        b"This is an OpenPGP/MIME encrypted message\r\n" + encrypted(),
        b"This is a multi-part message in MIME format. Hello\r\n" + encrypted(),
        b"Hello\r\nThis is a multi-part message in MIME format.\r\n" + encrypted(),
        b"This is a multi-part message in MIME format.\r\n" * 2 + encrypted(),
        b"Hello" + b" " * 5000 + b"\r\n" + encrypted(),
        encrypted() + b"_____\r\nA mailing list\r\n",
    ],
)
def test_other_preambles_pass_in_incoming_mail_only(body: bytes, step: int) -> None:
    """Mail clients and mailing lists write them."""
    assert read(headers(), body, strict=True, step=step) is Content.CLEAR
    assert read(headers(), body, strict=False, step=step) is Content.ENCRYPTED


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Hello",
        CONTROL + CLOSE,
        DATA + CLOSE,
        DATA + CONTROL + CLOSE,
        CONTROL + DATA,
        CONTROL + DATA + DATA + CLOSE,
        CONTROL + DATA + part(b"Content-Type: text/plain", b"Hello") + CLOSE,
        CONTROL + DATA + CLOSE + part(b"Content-Type: text/plain", b"Hello") + CLOSE,
        CONTROL + DATA + b"--=-cut---\r\n",
        CONTROL + DATA + b"--=-cutter\r\n\r\nHello\r\n" + CLOSE,
        part(b"Content-Type: application/pgp-encrypted", b"Version: 2") + DATA + CLOSE,
        part(b"Content-Type: application/pgp-encrypted", b"Version: 1\r\nHello") + DATA + CLOSE,
        part(b"Content-Type: text/plain", b"Version: 1") + DATA + CLOSE,
        CONTROL + part(b"Content-Type: text/plain", GOOD) + CLOSE,
        CONTROL + part(DATA_TYPE + b"\r\nContent-Type: text/plain", GOOD) + CLOSE,
        CONTROL + part(DATA_TYPE + b"\r\nContent-Transfer-Encoding: x-uuencode", GOOD) + CLOSE,
        CONTROL + part(DATA_TYPE + b"\r\nHello, world", GOOD) + CLOSE,
        CONTROL + part(DATA_TYPE + b"\r\nX: \rHello", GOOD) + CLOSE,
        CONTROL + part(DATA_TYPE + b"\r\nX: y\0z", GOOD) + CLOSE,
        CONTROL + part(DATA_TYPE.replace(b"asc", b"a\0c"), GOOD) + CLOSE,
        CONTROL + part(b"Content-Type: multipart/mixed; boundary=x", GOOD) + CLOSE,
        CONTROL + b"--=-cut\r\n" + DATA_TYPE + b"\r\n" + CLOSE,
        CONTROL + b"--=-cut\r\n" + b"X: y\r\n" * 9000 + b"\r\n" + GOOD + CLOSE,
        encrypted(b"Hello\r\n" + GOOD),
        encrypted(GOOD + b"Hello\r\n"),
        encrypted(GOOD + GOOD),
        encrypted(BEGIN + END),
        encrypted(GOOD.removesuffix(END)),
        encrypted(GOOD.removeprefix(BEGIN)),
        encrypted(GOOD.replace(b"\r\n-----END", b"-----END")),
        encrypted(armour(packets(101)).replace(b"\r\n-----END", b"-----END")),
        encrypted(GOOD.replace(b"END PGP", b"END  PGP")),
        encrypted(armour(packets(), head=b"\r\nVersion: Hello\r\n\r\n")),
        encrypted(armour(packets(), tail=b"=aBc\r\n")),
        encrypted(armour(packets(), tail=b"=aBc45\r\n")),
        encrypted(armour(packets(), tail=b"=aBc4\r\n=aBc4\r\n")),
        encrypted(armour(packets(), tail=b"====\r\n")),
        encrypted(armour(packets(), tail=b"QUJD\r\n")),
        encrypted(armour(packets(), head=b"\r\n \r\n")),
        encrypted(armour(packets(), head=b"\r\n\t")),
        encrypted(armour(packets(), head=b"\r\n*\r\n")),
        encrypted(armour(packets()[:-1])),
        encrypted(armour(packets() + b"x")),
        encrypted(armour(packet(11, b"b\0\0\0\0\0Hello"))),
    ],
)
def test_clear_text_cannot_hide(body: bytes) -> None:
    """Only the two parts are allowed, with encrypted packets only."""
    assert read(headers(), body, strict=True) is Content.CLEAR
    assert read(headers(), body, strict=False) is Content.CLEAR


@pytest.mark.parametrize(
    "content_type",
    [
        b"text/plain",
        b"multipart/mixed; boundary==-cut",
        b"multipart/signed; boundary==-cut",
        b"multipart/encrypted",
        b'multipart/encrypted; boundary=""',
        b"multipart/encrypted; boundary=" + b"x" * 71,
        b"multipart/encrypted; boundary=a; boundary==-cut",
        b"multipart/encrypted; boundary*0==-cut",
        b"multipart/encrypted; boundary*=utf-8''=-cut",
        b"multipart/encrypted boundary==-cut",
        b"multipart/encrypted; boundary==-cut\r\nContent-Type: text/plain",
        b"multipart/encrypted; boundary==-cut\r\nContent-Transfer-Encoding: base64",
        b"multipart/encrypted; boundary==-other",
    ],
)
def test_the_content_type_must_be_unambiguous(content_type: bytes) -> None:
    """Mail readers disagree on duplicate fields and RFC 2231 boundaries."""
    assert read(headers(content_type=content_type), encrypted()) is Content.CLEAR


@pytest.mark.parametrize(
    "content_type",
    [
        ENCRYPTED_TYPE,
        b"Multipart/Encrypted; BOUNDARY==-cut",
        b'multipart/encrypted; boundary="=\\-cut"',
        b"multipart/encrypted;boundary==-cut;",
        b'multipart/encrypted; x="a;boundary=y"; boundary==-cut',
    ],
)
def test_parameters_follow_rfc_2045(content_type: bytes) -> None:
    """Case, quoting and order (RFC 2045 section 5.1)."""
    assert read(headers(content_type=content_type), encrypted()) is Content.ENCRYPTED


@pytest.mark.parametrize("step", [1, 2, 3, 4, 5, 70_000])
@pytest.mark.parametrize("before", [1, 2, 100, 101])
def test_text_after_base64_padding_is_refused(before: int, step: int) -> None:
    """Some mail readers stop at the padding, others do not."""
    texts = (base64.encodebytes(half) for half in (GOOD[:before], GOOD[before:]))
    header = DATA_TYPE + b"\r\nContent-Transfer-Encoding: base64"
    body = CONTROL + part(header, b"".join(texts).replace(b"\n", b"\r\n")) + CLOSE

    assert read(headers(), body, step=step) is Content.CLEAR


def test_a_long_armour_tail_is_refused_early() -> None:
    """The text after the first `=` has a limit."""
    body = encrypted(armour(packets(), tail=b"=" * 3_000_000))

    assert read(headers(), body) is Content.CLEAR
