"""Rules I7 and D5: TXT records in unusual forms."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chatmaild.dkim.records import parse_record

PUBLIC = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
DER = PUBLIC.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
P = base64.b64encode(DER).decode()
PKCS1 = base64.b64encode(PUBLIC.public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()
ED_RAW = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
ED = base64.b64encode(ED_RAW).decode()
EC = base64.b64encode(
    ec.generate_private_key(ec.SECP256R1())
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()


@pytest.mark.parametrize(
    "text",
    [
        f"v=DKIM1;k=rsa;p={P};s=email;t=s",
        f"v=DKIM1; k=rsa; p={P};",
        f"k=rsa; p={P}",
        f"p={P}",
        f'"v=DKIM1; k=rsa; p={P}"',
        f'v=DKIM1\\; k=rsa\\; p={P}"',
        f'"v=DKIM1; k=rsa; p={P[:50]}" "{P[50:]}"',
        f"v=DKIM1 ; k = rsa ; p = {P[:9]} {P[9:99]}\t{P[99:]} ; n=a note",
        f"v=DKIM1; k=RSA; h=sha1:sha256; s=*; p={P}",
        f"v=DKIM1; t=y; p={P}",
        f"v=DKIM1; p={PKCS1}",
        f"v=DKIM1; p={PKCS1.rstrip('=')}; t=y",
        f"v=DKIM1; p={P.rstrip('=')}",
    ],
    ids=lambda _: "record",  # the keys are new each time
)
def test_rsa_keys_are_found(text: str) -> None:
    """Without `v=`, with quotation marks, backslashes, whitespace."""
    key = parse_record(text)

    assert key is not None
    assert key.algorithm == "rsa"
    assert isinstance(key.key, rsa.RSAPublicKey)
    assert PUBLIC.public_numbers() == key.key.public_numbers()


def test_ed25519_keys_are_found() -> None:
    """RFC 8463 section 4: the raw 32 bytes."""
    for text in (ED, ED.rstrip("=")):
        key = parse_record(f"v=DKIM1; k=ed25519; p={text}")

        assert key is not None
        assert (key.algorithm, key.strict_identity) == ("ed25519", False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "v=spf1 a ~all",
        "v=DKIM1; k=rsa; p=",
        "v=DKIM1; k=rsa",
        f"v=DKIM2; p={P}",
        f"v=DKIM1; p={P[:-8]}",
        f"v=DKIM1; p={P}; p={P}",
        f"v=DKIM1; p=*{P}",
        f"v=DKIM1; p={P.rstrip('=')}A",
        f"v=DKIM1; p={P[:40]}={P[40:]}",
        f"v=DKIM1; h=sha1; p={P}",
        f"v=DKIM1; s=tlsrpt; p={P}",
        f"v=DKIM1; k=ed25519; p={P}",
        f"v=DKIM1; k=rsa; p={ED}",
        f"v=DKIM1; k=rsa; p={EC}",
        f"v=DKIM1; k=dsa; p={P}",
        "Hello",
        "\N{SNOWMAN}",
    ],
    ids=lambda _: "record",  # the keys are new each time
)
def test_other_records_are_no_keys(text: str) -> None:
    """Revoked, for another purpose, or malformed."""
    assert parse_record(text) is None


@pytest.mark.parametrize(("modulus_bits", "found"), [(768, False), (1024, True), (1023, False)])
def test_short_keys_are_refused(modulus_bits: int, found: bool) -> None:
    """RFC 8301 section 3.2: at least 1024 bits. `cryptography` cannot create shorter ones."""
    record = f"p={base64.b64encode(rsa_der(modulus_bits)).decode()}"

    assert found == (parse_record(record) is not None)


def rsa_der(bits: int) -> bytes:
    """SubjectPublicKeyInfo of an odd modulus with that many bits."""
    modulus = (1 << bits - 1) | 0x10001
    numbers = rsa.RSAPublicNumbers(e=65537, n=modulus)
    integers = b"".join(der(2, integer(number)) for number in (numbers.n, numbers.e))
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return der(0x30, algorithm + der(3, b"\0" + der(0x30, integers)))


def integer(number: int) -> bytes:
    """The content of a DER integer."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def der(tag: int, content: bytes) -> bytes:
    """A DER element."""
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    encoded = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 128 | len(encoded)]) + encoded + content


@pytest.mark.parametrize(("bits", "found"), [(17, True), (64, True), (65, False), (2048, False)])
def test_long_exponents_are_refused(bits: int, found: bool) -> None:
    """They take ten times as long as real keys."""
    numbers = rsa.RSAPublicNumbers(e=(1 << bits - 1) | 1, n=(1 << 2048) - 1)
    der = numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    assert (parse_record(f"p={base64.b64encode(der).decode()}") is not None) == found
