"""The DKIM key is created at the first start, readable by the filter only, and published in DNS."""

from __future__ import annotations

import base64

import dns.resolver
from chatmail_testkit.peers.peer import KEY_FILE, dkim_key
from chatmail_testkit.relays.target import Machine
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)


def test_only_the_filter_can_read_it(machine: Machine) -> None:
    """Mode and owner of the file and its directory."""
    for front in machine.fronts:
        file = KEY_FILE.format(selector=dkim_key(front)[0])
        listed = front.run("stat", "--format=%U %a", file, file.rpartition("/")[0])

        assert listed.split("\n")[:2] == ["chatmail-filter 600", "chatmail-filter 700"]


def test_dns_has_the_public_key(machine: Machine, relay: str) -> None:
    """RSA with 2048 bits; each front has its own."""
    for front in machine.fronts:
        _check_published(*dkim_key(front), relay)


def _check_published(selector: str, text: str, relay: str) -> None:
    key = load_pem_private_key(text.encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == 2048
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    [record] = dns.resolver.resolve(f"{selector}._domainkey.{relay}", "TXT", lifetime=10)

    published = b"".join(record.strings).replace(b" ", b"")
    tags = dict(tag.split(b"=", 1) for tag in published.strip(b";").split(b";"))
    assert base64.b64encode(public) == tags[b"p"]
