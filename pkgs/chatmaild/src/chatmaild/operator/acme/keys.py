"""Private keys of accounts: which ones lego signs with, and the form in which it reads them."""

from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from chatmaild.errors import UntakenError

# a PEM file of 8192 bits has 6,400 bytes; to check a larger key takes minutes
FILE_LIMIT: Final = 1 << 13
# lego signs with ES256 and ES384
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384"}

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def parse_key(pem: bytes) -> PrivateKey:
    """Return the key in a PEM file, in any of the usual forms (PKCS #1, PKCS #8, SEC 1).

    Raises:
        UntakenError: it has none that lego signs with.
    """
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UntakenError("no private key in PEM form without a password") from error
    if isinstance(key, rsa.RSAPrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        return key
    raise UntakenError("a kind of key that lego does not sign with")


def kind(key: PrivateKey) -> str:
    """Return algorithm and size, such as `ECDSA P-256`."""
    if isinstance(key, rsa.RSAPrivateKey):
        return f"RSA {key.key_size}"
    return f"ECDSA {_CURVES[key.curve.name]}"


def to_pem(key: PrivateKey) -> bytes:
    """Return the key in the form that acmetool and every version of lego write and read."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def public(key: PrivateKey) -> bytes:
    """Return the public key: SubjectPublicKeyInfo of X.509."""
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
