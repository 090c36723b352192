"""Verifies the signatures of incoming mail (RFC 6376 section 6, RFC 8301, RFC 8463).

Only a signature whose `d=` equals the author's domain counts.
"""

from __future__ import annotations

import base64
import binascii
import enum
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from chatmaild.address import ascii_domain
from chatmaild.dkim import tags
from chatmaild.dkim.canonical import BodyHash, Canonicalization, Field, Fields, header_digest_input
from chatmaild.dkim.records import PublicKey
from chatmaild.dkim.resolver import Keys
from chatmaild.errors import KeyUnavailableError

_MAX_TRIED: Final = 5  # signatures of one message; each can cost a DNS lookup and an RSA operation
MAX_FIELD_BYTES: Final = 16_384  # bytes of one DKIM-Signature field; those of `signer` are shorter
# Bytes of all DKIM-Signature fields; the rest is ignored. Parsing a megabyte took 0.4 s, and each
# forwarding server adds 500 to 1500 bytes.
_MAX_TOTAL_BYTES: Final = 65_536
_REQUIRED: Final = frozenset({"v", "a", "b", "bh", "d", "h", "s"})
_CLOCK_SKEW_S: Final = 600


class Result(enum.Enum):
    """What the signatures of a message prove."""

    PASS = enum.auto()
    NO_SIGNATURE = enum.auto()
    NO_VALID_SIGNATURE = enum.auto()
    KEY_UNAVAILABLE = enum.auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A well-formed DKIM-Signature field of the author's domain.

    Attributes:
        key_name: DNS name of the key.
        names: header field names of `h=`, in lower case.
        identity_is_domain: the domain of `i=` equals `d=`.
        signed_body_bytes: `l=`; must cover the whole body (section 8.2), None without the tag.
        expires_s: `x=` in Unix seconds, None without the tag.
    """

    field: Field
    algorithm: str
    header_form: Canonicalization
    body_form: Canonicalization
    key_name: str
    names: tuple[bytes, ...]
    signature: bytes
    body_hash: bytes
    identity_is_domain: bool
    signed_body_bytes: int | None
    expires_s: int | None


@dataclass(frozen=True, slots=True)
class _Unsigned:
    name: bytes
    value: bytes


def parse_signature(field: Field, domain: str) -> Signature | None:
    """Parse a DKIM-Signature field; None if it is malformed, obsolete or for another domain.

    `domain` has A-labels; the field may have U-labels (RFC 8616 section 5).
    """
    if len(field.value) > MAX_FIELD_BYTES:
        return None
    found = tags.parse(field.value.decode("utf-8", "replace"))
    if found is None or not found.keys() >= _REQUIRED or found["v"] != "1":
        return None
    if ascii_domain(found["d"].rstrip(".")) != domain or ascii_domain(found["s"]) is None:
        return None
    identity = ascii_domain(found.get("i", "@" + found["d"]).rpartition("@")[2])
    if identity is None or (identity != domain and not identity.endswith("." + domain)):
        return None
    names = tuple(name.encode("ascii", "replace") for name in tags.items(found["h"]))
    # rsa-sha1 is obsolete (RFC 8301 section 3.1)
    algorithm, _, digest = found["a"].lower().partition("-")
    if b"from" not in names or algorithm not in {"rsa", "ed25519"} or digest != "sha256":
        return None
    if "dns/txt" not in tags.items(found.get("q", "dns/txt")):
        return None
    return _completed(field, found, domain, algorithm, names, identity == domain)


def _completed(
    field: Field,
    found: dict[str, str],
    domain: str,
    algorithm: str,
    names: tuple[bytes, ...],
    identity_is_domain: bool,
) -> Signature | None:
    header_name, _, body_name = found.get("c", "simple/simple").lower().partition("/")
    try:
        header_form = Canonicalization(header_name)
        body_form = Canonicalization(body_name or "simple")
        signature = base64.b64decode(tags.compact(found["b"]), validate=True)
        body_hash = base64.b64decode(tags.compact(found["bh"]), validate=True)
        body_bytes, expires_s, signed_s = (_number(found.get(tag)) for tag in ("l", "x", "t"))
    except (ValueError, binascii.Error):
        return None
    if expires_s is not None and signed_s is not None and expires_s < signed_s:
        return None
    return Signature(
        field=field,
        algorithm=algorithm,
        header_form=header_form,
        body_form=body_form,
        key_name=f"{ascii_domain(found['s'])}._domainkey.{domain}",
        names=names,
        signature=signature,
        body_hash=body_hash,
        identity_is_domain=identity_is_domain,
        signed_body_bytes=body_bytes,
        expires_s=expires_s,
    )


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdigit() or len(text) > 76:  # digits that section 3.5 allows
        raise ValueError(text)
    return int(text)


class Verification:
    """Verifies the signatures of one message: takes its header, then its body in pieces."""

    def __init__(self, headers: Sequence[Field], domain: str) -> None:
        self._fields = Fields(headers)
        fields = [header for header in headers if header.name.lower() == b"dkim-signature"]
        self._has_signature_field = bool(fields)
        parsed = (parse_signature(field, domain) for field in _first_fields(fields))
        found = (signature for signature in parsed if signature is not None)
        self._signatures = list(islice(found, _MAX_TRIED))
        self._bodies = {form: BodyHash(form) for form in {s.body_form for s in self._signatures}}
        self._digests: dict[Canonicalization, bytes] | None = None
        self._header_digests: dict[int, bytes] = {}  # by position of the signature

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        for body in self._bodies.values():
            body.feed(piece)

    def prepare(self) -> None:
        """Compute the header hashes for `finish`; slow for a large header."""
        for number, signature in enumerate(self._signatures):
            self._digest(number, signature)

    def finish(self, keys: Keys, *, now_s: float) -> Result:
        """What the signatures prove; `now_s` is in Unix seconds. Can be called again.

        Raises:
            KeyNotCachedError: `keys` cannot ask DNS; call again with keys that can.
        """
        if not self._has_signature_field:
            return Result.NO_SIGNATURE
        if self._digests is None:
            self._digests = {form: body.digest() for form, body in self._bodies.items()}
        unavailable = False
        for number, signature in enumerate(self._signatures):
            if not self._covers_body(signature, self._digests, now_s):
                continue
            try:
                if self._verifies(number, signature, keys):
                    return Result.PASS
            except KeyUnavailableError:
                unavailable = True
        return Result.KEY_UNAVAILABLE if unavailable else Result.NO_VALID_SIGNATURE

    def _covers_body(
        self, signature: Signature, digests: dict[Canonicalization, bytes], now_s: float
    ) -> bool:
        if signature.expires_s is not None and signature.expires_s + _CLOCK_SKEW_S < now_s:
            return False
        whole = self._bodies[signature.body_form].size_bytes
        if signature.signed_body_bytes is not None and signature.signed_body_bytes != whole:
            return False
        return digests[signature.body_form] == signature.body_hash

    def _verifies(self, number: int, signature: Signature, keys: Keys) -> bool:
        """Try the cached keys; if they fail, ask DNS once: the key may have been replaced."""
        name = signature.key_name
        cached = keys.cached(name)
        digest = self._digest(number, signature)
        if any(_matches(signature, digest, key) for key in cached):
            return True
        keys.drop(name)
        return any(_matches(signature, digest, key) for key in keys.fresh(name))

    def _digest(self, number: int, signature: Signature) -> bytes:
        known = self._header_digests.get(number)
        if known is not None:
            return known
        field = signature.field
        unsigned = _Unsigned(field.name, tags.without_signature(field.value))
        signed = self._fields.select(signature.names, but=field)
        signed_data = header_digest_input(signed, signature.header_form, unsigned)
        digest = self._header_digests[number] = hashlib.sha256(signed_data).digest()
        return digest


def _first_fields(fields: Sequence[Field]) -> Iterator[Field]:
    """The first fields, as many as fit into `_MAX_TOTAL_BYTES`."""
    left = _MAX_TOTAL_BYTES
    for field in fields:
        left -= len(field.value)
        if left < 0:
            return
        yield field


def _matches(signature: Signature, digest: bytes, key: PublicKey) -> bool:
    if key.algorithm != signature.algorithm:
        return False
    if key.strict_identity and not signature.identity_is_domain:
        return False
    return key.verifies(signature.signature, digest)
