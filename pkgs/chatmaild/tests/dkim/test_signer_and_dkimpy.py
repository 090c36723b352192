"""Our signer against dkimpy's verifier, and dkimpy's signer against our verifier."""

import base64
import functools
import itertools

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from nacl.signing import SigningKey

from chatmaild.dkim.canonical import BodyHash, Canonicalization
from chatmaild.dkim.keys import public_record
from chatmaild.dkim.resolver import KeyCache, TxtAnswer
from chatmaild.dkim.signer import OVERSIGNED, Signer
from chatmaild.dkim.verifier import MAX_FIELD_BYTES, Result, Verification
from chatmaild.filter.mime.headers import Header, parse_block

DOMAIN = "peer.example"
FORM_PAIRS = list(itertools.product([b"simple", b"relaxed"], repeat=2))
BODIES = [
    b"",
    b"\r\n",
    b"\r\n\r\n\r\n",
    b" \t\r\n\t\r\n",
    b"Hello\r\n",
    b"Hello",
    b"Hello  \t world \t\r\n \r\nagain\t\t\r\n\r\n\r\n",
    b" leading\r\n.\r\n..\r\n",
    b"bare \r return\r\n",
    b"caf\xc3\xa9 \xff\xfe\r\n",
    b"x" * 3000 + b"\r\n" + b" " * 3000 + b"\r\n" * 3000 + b"end",
]
HEADER = (
    b"Received: from a\r\n\tby b;\r\n date\r\n"
    b"FROM:   Eve <eve@peer.example>  \r\n"
    b"To:alice@chat.example.org\r\n"
    b"Subject: a\t\tb  c \r\n"
    b"Subject: twice\r\n"
    b"X-Empty:\r\n"
    b"X-Folded: one\r\n\t two \r\n   three\r\n"
    b"Autocrypt: addr=eve@peer.example;\r\n keydata=AAAA\r\n BBBB\r\n"
)


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    """A key of the size that relays use."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def keys(*records: str) -> KeyCache:
    """A DNS with these records under every name."""
    return KeyCache(query=lambda _: TxtAnswer(texts=records, ttl_s=300))


def split(message: bytes) -> tuple[list[Header], bytes]:
    """Header fields and body."""
    header, _, body = message.partition(b"\r\n\r\n")
    headers = parse_block(header)
    assert headers is not None
    return headers, body


def verified(message: bytes, record: str, step: int = 65_535) -> Result:
    """The result of our verifier."""
    headers, body = split(message)
    verification = Verification(headers, DOMAIN)
    for at in range(0, len(body), step):
        verification.feed(body[at : at + step])
    return verification.finish(keys(record), now_s=0)


@pytest.mark.parametrize("body", BODIES)
def test_dkimpy_verifies_our_signatures(body: bytes, rsa_key: rsa.RSAPrivateKey) -> None:
    """Relaxed header, simple body; changes of either are detected."""
    signer = Signer(domain=DOMAIN, selector="sel", key=rsa_key)
    body_hash = BodyHash(Canonicalization.SIMPLE)
    body_hash.feed(body)
    field = signer.sign(split(HEADER + b"\r\n")[0], body_hash.digest(), now_s=1_700_000_000)
    signature = field.name + b":" + field.value + b"\r\n"
    record = public_record(rsa_key).encode()

    def passes(message: bytes) -> bool:
        return bool(dkim.verify(message, dnsfunc=lambda name, timeout: record))

    assert passes(signature + HEADER + b"\r\n" + body)
    assert passes(b"Received: by c\r\n" + signature + HEADER + b"\r\n" + body)
    assert not passes(signature + HEADER + b"\r\n" + b"x" + body)
    for added in (b"From: <mallory@peer.example>", b"Autocrypt: addr=m", b"Cc: <m@peer.example>"):
        assert not passes(signature + added + b"\r\n" + HEADER + b"\r\n" + body)


@functools.cache  # dkimpy computes in Python, which takes 20 ms
def signature_of_dkimpy(
    message: bytes, header_form: bytes, body_form: bytes, key: rsa.RSAPrivateKey
) -> bytes:
    """The signature that dkimpy adds to a message."""
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    signed: bytes = dkim.sign(
        message, b"sel", DOMAIN.encode(), pem, canonicalize=(header_form, body_form)
    )
    return signed


@pytest.mark.parametrize(("header_form", "body_form"), FORM_PAIRS)
@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("step", [1, 7, 65_535])
def test_we_verify_signatures_of_dkimpy(
    header_form: bytes, body_form: bytes, body: bytes, step: int, rsa_key: rsa.RSAPrivateKey
) -> None:
    """Every canonicalization, pieces of any size."""
    message = HEADER + b"\r\n" + body
    signature = signature_of_dkimpy(message, header_form, body_form, rsa_key)
    record = public_record(rsa_key)

    assert verified(signature + message, record, step) is Result.PASS
    assert verified(signature + b"X: y\r\n" + message, record, step) is Result.PASS
    forged = message.replace(b"FROM:   Eve", b"FROM:   Mallory")
    assert verified(signature + forged, record, step) is Result.NO_VALID_SIGNATURE
    longer = signature + message + b"x"
    assert verified(longer, record, step) is Result.NO_VALID_SIGNATURE


@pytest.mark.parametrize(("header_form", "body_form"), FORM_PAIRS)
def test_we_verify_ed25519(header_form: bytes, body_form: bytes) -> None:
    """RFC 8463; the key is one of PyNaCl, by which dkimpy signs."""
    key = SigningKey.generate()
    message = HEADER + b"\r\nHello  \r\n"
    signature = dkim.sign(
        message,
        b"sel",
        DOMAIN.encode(),
        base64.b64encode(bytes(key)),
        canonicalize=(header_form, body_form),
        signature_algorithm=b"ed25519-sha256",
    )
    record = f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(key.verify_key)).decode()}"

    assert verified(signature + message, record) is Result.PASS
    assert verified(signature + message + b"x", record) is Result.NO_VALID_SIGNATURE


MANY = {
    "distinct": [b"X-%d: x" % number for number in range(5000)],
    "the same": [b"X-Same: %d" % number for number in range(5000)],
    "subjects": [b"Subject: %d" % number for number in range(5000)],
    "every name": [name + b": x" for name in OVERSIGNED[1:] for _ in range(100)],
    "long": [b"X-%s%d: x" % (b"y" * 90, number) for number in range(500)],
    "too long": [b"X-%s: x" % (b"y" * 2000)],
}


@pytest.mark.parametrize("kind", MANY)
def test_headers_with_thousands_of_fields(kind: str, rsa_key: rsa.RSAPrivateKey) -> None:
    """Both verifiers accept the signature; it covers From, and a second From breaks it."""
    header = b"".join(field + b"\r\n" for field in MANY[kind]) + HEADER
    headers, body = split(header + b"\r\nHello\r\n")
    body_hash = BodyHash(Canonicalization.SIMPLE)
    body_hash.feed(body)
    field = Signer(domain=DOMAIN, selector="sel", key=rsa_key).sign(
        headers, body_hash.digest(), now_s=0
    )
    message = field.name + b":" + field.value + b"\r\n" + header + b"\r\nHello\r\n"
    record = public_record(rsa_key)

    assert len(field.value) <= MAX_FIELD_BYTES
    assert max(map(len, field.value.split(b"\r\n"))) < 200
    assert verified(message, record) is Result.PASS
    assert dkim.verify(message, dnsfunc=lambda name, timeout: record.encode())
    added = b"From: <ceo@bank.example>\r\n" + message
    assert verified(added, record) is Result.NO_VALID_SIGNATURE
