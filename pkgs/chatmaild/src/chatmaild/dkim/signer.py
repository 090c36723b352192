"""Signs outgoing mail (RFC 6376 section 5)."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from chatmaild.dkim.canonical import Canonicalization, Field, Fields, header_digest_input

# Signed once more than they occur, so that nobody can add such a field (section 8.15).
# An added Autocrypt field would replace the key that the recipient encrypts to.
OVERSIGNED: Final = (
    b"from", b"reply-to", b"subject", b"date", b"to", b"cc",
    b"resent-date", b"resent-from", b"resent-sender", b"resent-to", b"resent-cc",
    b"resent-message-id", b"in-reply-to", b"references",
    b"list-id", b"list-help", b"list-unsubscribe", b"list-unsubscribe-post", b"list-subscribe",
    b"list-post", b"list-owner", b"list-archive",
    b"autocrypt",
)  # fmt: skip
# Signed even if they do not occur
_ALWAYS: Final = (b"content-type",)
# Changed or removed in transit (section 5.4.1)
_UNSIGNED: Final = frozenset({
    b"return-path", b"received", b"delivered-to", b"x-original-to", b"bcc", b"resent-bcc",
    b"dkim-signature", b"authentication-results", b"comments", b"keywords",
})  # fmt: skip
_LINE: Final = 72  # bytes of a folded line
# Signed fields of one name: the last ones, which RFC 6376 section 5.4.2 selects first
_MAX_PER_NAME: Final = 20
# Bytes of `h=`: verifiers limit the field, ours too (`verifier.MAX_FIELD_BYTES`). Fixed names
# take 7,000 at most, folds 1 in 36, the other tags 700.
_NAMES_LIMIT: Final = 12_000
_NAME_LIMIT: Final = 100  # bytes of a signed name; keeps lines below 998 bytes


@dataclass(frozen=True, slots=True)
class SignatureField:
    """A DKIM-Signature field; `value` begins with the space after the colon."""

    name: bytes
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Signs for one domain with one key: `a=rsa-sha256; c=relaxed/simple`."""

    domain: str
    selector: str
    key: RSAPrivateKey

    def sign(self, headers: Sequence[Field], body_hash: bytes, *, now_s: int) -> SignatureField:
        """The signature field to insert before `headers`, which must be final.

        `body_hash` is the SHA-256 of the body in the simple form, `now_s` is in Unix seconds.
        """
        names = signed_names(headers)
        unsigned = SignatureField(b"DKIM-Signature", self._tags(names, body_hash, now_s))
        fields = Fields(headers).select(names)
        digest = hashlib.sha256(header_digest_input(fields, Canonicalization.RELAXED, unsigned))
        signature = self.key.sign(digest.digest(), PKCS1v15(), Prehashed(SHA256()))
        folded = _fold_base64(base64.b64encode(signature))
        return SignatureField(unsigned.name, unsigned.value + folded)

    def _tags(self, names: Sequence[bytes], body_hash: bytes, now_s: int) -> bytes:
        tags = (
            f" v=1; a=rsa-sha256; c=relaxed/simple; d={self.domain}; s={self.selector};"
            f"\r\n\tt={now_s}; bh={base64.b64encode(body_hash).decode()};"
        )
        return tags.encode() + b"\r\n\th=" + _fold_names(names) + b";\r\n\tb="


def signed_names(headers: Sequence[Field]) -> list[bytes]:
    """The names for `h=`: every field of the header, and those that nobody may add.

    A header with thousands of fields is signed in part, to limit the signature: first the fields
    of `OVERSIGNED`, then the others in the order of the header.
    """
    counts = Counter(header.name.strip(b" \t").lower() for header in headers)
    wanted = {name: counts.pop(name, 0) + 1 for name in OVERSIGNED}
    wanted |= {name: counts.pop(name, 1) for name in _ALWAYS}
    wanted |= {name: count for name, count in counts.items() if _is_signed(name)}
    names: list[bytes] = []
    left = _NAMES_LIMIT
    for name, count in wanted.items():
        fitting = min(count, _MAX_PER_NAME, left // (len(name) + 1))
        names += [name] * fitting
        left -= fitting * (len(name) + 1)
    return names


def _is_signed(name: bytes) -> bool:
    return name not in _UNSIGNED and len(name) <= _NAME_LIMIT


def _fold_names(names: Sequence[bytes]) -> bytes:
    lines = [b""]
    for index, name in enumerate(names):
        item = name if index == len(names) - 1 else name + b":"
        if lines[-1] and len(lines[-1]) + len(item) > _LINE:
            lines.append(b"")
        lines[-1] += item
    return b"\r\n\t ".join(lines)


def _fold_base64(text: bytes) -> bytes:
    return b"\r\n\t ".join(text[at : at + _LINE] for at in range(0, len(text), _LINE))
