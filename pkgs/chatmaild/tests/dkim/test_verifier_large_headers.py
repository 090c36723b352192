"""A header of a megabyte takes milliseconds: all other sessions wait for it."""

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chatmaild.dkim.canonical import (
    BodyHash,
    Canonicalization,
    Fields,
    header_digest_input,
    header_field,
)
from chatmaild.dkim.keys import public_record
from chatmaild.dkim.resolver import KeyCache, TxtAnswer
from chatmaild.dkim.signer import Signer
from chatmaild.dkim.verifier import Result, Verification
from chatmaild.filter.mime.headers import Header

from ..timing import seconds

BODY_HASH = base64.b64encode(hashlib.sha256(b"\r\n").digest())
FROM = Header(b"From", b" <eve@peer.example>")
LETTERS = "".join(map(chr, range(0x4E00, 0x4E00 + 5000)))
LABELS = ".".join(LETTERS[at : at + 59] for at in range(0, 5000, 59)).encode()


def signature(names: bytes = b"from", domain: bytes = b"peer.example") -> Header:
    """A field that is parsed completely and is not valid."""
    tags = b" v=1; a=rsa-sha256; c=relaxed/simple; d=%b; s=s; bh=%b; b=AAAA; h=%b"
    return Header(b"DKIM-Signature", tags % (domain, BODY_HASH, names))


@pytest.mark.parametrize(
    "field",
    [
        Header(b"DKIM-Signature", b";" * 16_384),
        Header(b"DKIM-Signature", b";".join(b"a%d=" % number for number in range(2300))),
        signature(b"from" + b":" * 16_000),
        signature(domain=LABELS),
    ],
    ids=["semicolons", "tags", "names", "labels"],
)
def test_a_megabyte_of_signatures_is_parsed_fast(field: Header) -> None:
    """Only the first ones are parsed."""
    assert len(field.value) <= 16_384
    headers = [field] * 62 + [FROM]

    assert seconds(lambda: Verification(headers, "peer.example")) < 0.1


def test_five_signatures_of_a_megabyte_are_hashed_fast() -> None:
    """Long fields with much whitespace, and many short fields."""
    long = [Header(b"X-A", b" x\r\n\t " * 9000)] * 18
    short = [Header(b"X-B", b" x")] * 4500

    for fields in (long, short):
        signatures = [signature(b"from" + b":x-a" * 20 + b":x-b" * 3000)] * 5
        headers = [*signatures, *fields, FROM]
        assert seconds(lambda: Verification(headers, "peer.example").prepare()) < 0.25  # noqa: B023


def test_a_prepared_signature_is_verified() -> None:
    """After many signatures of other domains."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    body_hash = BodyHash(Canonicalization.SIMPLE).digest()
    signed = Signer(domain="peer.example", selector="s", key=key).sign([FROM], body_hash, now_s=1)
    others = [signature(domain=b"list.example")] * 60
    headers = [*others, Header(signed.name, signed.value), FROM]
    keys = KeyCache(query=lambda _: TxtAnswer(texts=(public_record(key),), ttl_s=300))
    verification = Verification(headers, "peer.example")
    verification.prepare()

    assert verification.finish(keys, now_s=1) is Result.PASS


def test_a_signature_does_not_sign_itself_twice() -> None:
    """Its own field is hashed once, at the end, with an empty `b=`."""
    own, other = signature(b"dkim-signature:from"), signature(domain=b"list.example")
    chosen = Fields([own, other, FROM]).select([b"dkim-signature", b"dkim-signature"], but=own)

    assert chosen == [other]
    assert header_digest_input([FROM], Canonicalization.SIMPLE, other).startswith(
        b"From: <eve@peer.example>"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b" a \t b\t", b"x:a b"),
        (b"a\r\n b\n\tc", b"x:a b c"),
        (b"\r\r\n\n\r", b"x:\r\r"),
        (b"a\x0b \x0cb", b"x:a\x0b \x0cb"),
    ],
)
def test_relaxed_header_fields(value: bytes, expected: bytes) -> None:
    """RFC 6376 section 3.4.2: unfold, and reduce whitespace to one space."""
    assert header_field(b"X ", value, Canonicalization.RELAXED) == expected
