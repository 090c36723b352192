"""The DKIM key is created at the first start, readable by the filter only, and published in DNS."""

from __future__ import annotations

import base64

import dns.resolver
from chatmail_testkit.peers.peer import KEY_FILE, SELECTOR
from chatmail_testkit.relays.target import Machine
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

FILE = KEY_FILE.format(selector=SELECTOR)


def test_only_the_filter_can_read_it(machine: Machine) -> None:
    """Mode and owner of the file and its directory."""
    listed = machine.run("stat", "--format=%U %a", FILE, FILE.rpartition("/")[0])

    assert listed.split("\n")[:2] == ["chatmail-filter 600", "chatmail-filter 700"]


def test_dns_has_the_public_key(machine: Machine, relay: str) -> None:
    """RSA with 2048 bits."""
    key = load_pem_private_key(machine.run("cat", FILE).encode(), password=None)
    assert isinstance(key, RSAPrivateKey)
    assert key.key_size == 2048
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    [record] = dns.resolver.resolve(f"{SELECTOR}._domainkey.{relay}", "TXT", lifetime=10)

    published = b"".join(record.strings).replace(b" ", b"")
    tags = dict(tag.split(b"=", 1) for tag in published.strip(b";").split(b";"))
    assert base64.b64encode(public) == tags[b"p"]
