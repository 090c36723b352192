"""Which keys become those of lego."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from chatmaild.errors import UntakenError
from chatmaild.operator.acme.keys import kind, parse_key, public, to_pem

from .client_keys import PrivateKey, new_key, new_rsa_key, pem

KEYS = [
    (new_rsa_key(), "RSA 2048", b"RSA PRIVATE KEY"),
    (new_key(), "ECDSA P-256", b"EC PRIVATE KEY"),
    (new_key(ec.SECP384R1), "ECDSA P-384", b"EC PRIVATE KEY"),
]
TRADITIONAL, PKCS8 = PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8


@pytest.mark.parametrize("private_format", [TRADITIONAL, PKCS8], ids=["traditional", "pkcs8"])
@pytest.mark.parametrize(("key", "name", "header"), KEYS, ids=[name for _, name, _ in KEYS])
def test_keys_of_all_forms_are_written_in_one(
    key: PrivateKey, name: str, header: bytes, private_format: PrivateFormat
) -> None:
    """PKCS #1 and SEC 1: older versions of lego read no other form."""
    read = parse_key(pem(key, private_format))

    assert kind(read) == name
    assert public(read) == public(key)
    assert to_pem(read) == pem(key)
    assert to_pem(read).startswith(b"-----BEGIN " + header)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "no private key in PEM form without a password"),
        (b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "no private key"),
        (
            new_key().private_bytes(Encoding.PEM, PKCS8, BestAvailableEncryption(b"secret")),
            "no private key in PEM form without a password",
        ),
        (pem(new_key(ec.SECP521R1)), "a kind of key that lego does not sign with"),
        (
            ed25519.Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PKCS8, NoEncryption()),
            "a kind of key that lego does not sign with",
        ),
    ],
    ids=["empty", "broken", "with a password", "P-521", "Ed25519"],
)
def test_other_files_are_refused(text: bytes, reason: str) -> None:
    """With the reason, for the list of what is not imported."""
    with pytest.raises(UntakenError, match=reason):
        parse_key(text)
