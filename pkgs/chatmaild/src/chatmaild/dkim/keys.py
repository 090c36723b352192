"""Private keys on disk, created at the first start, and their TXT records."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from chatmaild.dkim.signer import Signer
from chatmaild.errors import SettingsError
from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically

_log = logging.getLogger(__name__)

RSA_BITS: Final = 2048  # RFC 8301 section 3.2; longer records do not fit into every DNS answer


def key_path(settings: Settings, selector: str) -> Path:
    """The PEM file of a selector's private key; only the filter can read it."""
    return Path(settings.directories.dkim) / f"{selector}.private"


def selectors(settings: Settings) -> list[str]:
    """The selector that signs, then all others that are published."""
    return list(dict.fromkeys((settings.dkim.selector, *settings.dkim.published_selectors)))


def ensure_keys(settings: Settings) -> None:
    """Create the keys that are missing; existing keys stay unchanged.

    Raises:
        SettingsError: a key file holds no RSA key.
        OSError: the directory is missing or not writable.
    """
    if not settings.dkim.enable:
        return
    for selector in selectors(settings):
        path = key_path(settings, selector)
        if path.exists():
            load_key(path)
            continue
        write_atomically(path, _new_key(), mode=0o600)
        _log.info("made a DKIM key for selector %s", selector)


def load_key(path: Path) -> rsa.RSAPrivateKey:
    """The private key in a PEM file.

    Raises:
        SettingsError: the file holds no RSA key.
        OSError: the file cannot be read.
    """
    return parse_key(path.read_bytes(), str(path))


def parse_key(pem: bytes, name: str) -> rsa.RSAPrivateKey:
    """The private key in the content of a PEM file.

    Raises:
        SettingsError: it holds no RSA key; the text has the name.
    """
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"{name}: no private key in PEM form without a password") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise SettingsError(f"{name}: not an RSA key, which every receiver can verify")
    return key


def load_signer(settings: Settings) -> Signer | None:
    """The signer of this relay; None if DKIM is disabled, because a literal has no DNS records.

    Raises:
        SettingsError: the key file holds no RSA key.
        OSError: the key file cannot be read.
    """
    if not settings.dkim.enable:
        return None
    selector = settings.dkim.selector
    key = load_key(key_path(settings, selector))
    return Signer(domain=settings.mail_domain, selector=selector, key=key)


def public_record(key: rsa.RSAPrivateKey) -> str:
    """The text of a key's TXT record as one string (RFC 6376 section 3.6.1)."""
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1;k=rsa;p={base64.b64encode(public).decode()};s=email;t=s"


def _new_key() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
