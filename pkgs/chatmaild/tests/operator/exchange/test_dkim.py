"""Keys of an upstream relay."""

import dataclasses
import pathlib

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chatmaild.dkim.keys import key_path
from chatmaild.operator.exchange import dkim
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.settings import Settings

from .old_relay import DOMAIN, OldRelay


def test_the_key_replaces_the_one_of_the_first_start(
    old: OldRelay,
    settings: Settings,
    dkim_file: pathlib.Path,
    dkim_pem: bytes,
    restarts: list[bool],
    audited: list[str],
) -> None:
    """With the same selector: the old one is kept, the filter reads the new one, once."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    old.key(pem, selector=settings.dkim.selector)
    with Directory.at(old.root) as tree:
        keys = dkim.find(tree, DOMAIN, Untaken())
        assert [(one.selector, one.bits) for one in keys] == [(settings.dkim.selector, 1024)]
        done = [dkim.install(settings, keys) for _ in range(2)]

    assert (done, restarts) == ([[settings.dkim.selector], []], [True])
    assert dkim_file.read_bytes() == pem
    assert dkim_file.with_name(f"{dkim_file.name}.replaced").read_bytes() == dkim_pem
    other = dataclasses.replace(settings.dkim, selector="other")
    assert key_path(dataclasses.replace(settings, dkim=other), "other").parent == dkim_file.parent
