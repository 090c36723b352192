"""Public keys in TXT records (RFC 6376 section 3.6.1, RFC 8463 section 4)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from chatmaild.dkim import tags

MIN_RSA_BITS: Final = 1024  # RFC 8301 section 3.2
MAX_RSA_BITS: Final = 8192  # longer keys make a verification slow
# Real exponents are 3 or 65537. One as long as the modulus takes 12 ms for a verification, and
# OpenSSL has a limit only above 3072 bits.
_MAX_EXPONENT_BITS: Final = 64
# Web forms of DNS providers leave these in records
_STRAY: Final = str.maketrans("", "", '"\\')


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A published key.

    Attributes:
        algorithm: `rsa` or `ed25519`; the part of `a=` before `-sha256`.
        key: the key itself.
        strict_identity: flag `t=s`: the domain of `i=` must equal `d=`.
    """

    algorithm: str
    key: RSAPublicKey | Ed25519PublicKey
    strict_identity: bool

    def verifies(self, signature: bytes, digest: bytes) -> bool:
        """Whether the signature is valid for that SHA-256 digest."""
        try:
            if isinstance(self.key, RSAPublicKey):
                self.key.verify(signature, digest, PKCS1v15(), Prehashed(SHA256()))
            else:
                self.key.verify(signature, digest)
        except InvalidSignature:
            return False
        return True


def parse_record(text: str) -> PublicKey | None:
    """The key in a TXT record; None if it is malformed, revoked, or not for mail and SHA-256.

    Accepts common mistakes: no `v=`, quotation marks, backslashes, whitespace anywhere, base64
    without padding.
    """
    record = tags.parse(text.translate(_STRAY))
    if record is None or record.get("v", "DKIM1") != "DKIM1":
        return None
    hashes = tags.items(record.get("h", "sha256"))
    services = tags.items(record.get("s", "*"))
    if "sha256" not in hashes or not {"*", "email"} & set(services):
        return None
    algorithm = record.get("k", "rsa").lower()
    key = _load(algorithm, tags.compact(record.get("p", "")))
    if key is None:
        return None
    strict = "s" in tags.items(record.get("t", ""))
    return PublicKey(algorithm=algorithm, key=key, strict_identity=strict)


def _load(algorithm: str, text: str) -> RSAPublicKey | Ed25519PublicKey | None:
    try:
        digits = text.rstrip("=")
        der = base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)
        if algorithm == "ed25519":
            return Ed25519PublicKey.from_public_bytes(der)
        key = load_der_public_key(der) if algorithm == "rsa" and der else None
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if not isinstance(key, RSAPublicKey) or not MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS:
        return None
    return key if key.public_numbers().e.bit_length() <= _MAX_EXPONENT_BITS else None
