"""Private keys on disk and their TXT records."""

import dataclasses
import pathlib
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from chatmaild.dkim.keys import ensure_keys, key_path, load_key, load_signer, public_record
from chatmaild.dkim.records import parse_record
from chatmaild.errors import SettingsError
from chatmaild.settings import Settings


def with_selectors(settings: Settings, selector: str, *published: str) -> Settings:
    """The same relay with other selectors."""
    dkim = dataclasses.replace(settings.dkim, selector=selector, published_selectors=published)
    return dataclasses.replace(settings, dkim=dkim)


def test_missing_keys_are_created_once(settings: Settings) -> None:
    """2048 bits, readable by the owner only, unchanged after the next start."""
    settings = with_selectors(settings, "new", "old", "new")
    ensure_keys(settings)
    paths = [key_path(settings, selector) for selector in ("new", "old")]
    contents = [path.read_bytes() for path in paths]
    ensure_keys(settings)

    assert contents == [path.read_bytes() for path in paths]
    assert {0o600} == {stat.S_IMODE(path.stat().st_mode) for path in paths}
    assert {2048} == {load_key(path).key_size for path in paths}
    assert {"new.private", "old.private"} == {
        path.name for path in pathlib.Path(settings.directories.dkim).iterdir()
    }


def test_a_rotation_uses_two_selectors(settings: Settings) -> None:
    """Create and publish the next key, then sign with it, then remove the old one."""
    ensure_keys(with_selectors(settings, "one", "two"))
    before = load_signer(with_selectors(settings, "one", "two"))
    after = load_signer(with_selectors(settings, "two", "one"))

    assert before is not None
    assert after is not None
    assert (before.selector, after.selector) == ("one", "two")
    assert before.key.private_numbers() != after.key.private_numbers()


def test_an_imported_key_is_unchanged(settings: Settings) -> None:
    """In any form of PEM."""
    ensure_keys(settings)
    path = key_path(settings, settings.dkim.selector)
    imported = load_key(path).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(imported)
    ensure_keys(settings)

    assert imported == path.read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        ed25519.Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        ),
    ],
)
def test_a_broken_key_is_not_replaced(settings: Settings, content: bytes) -> None:
    """A new key would not match the published record. The error has the file name."""
    path = key_path(settings, settings.dkim.selector)
    path.write_bytes(content)

    with pytest.raises(SettingsError, match=path.name):
        ensure_keys(settings)
    assert content == path.read_bytes()


def test_the_record_is_parsed_by_verifiers(settings: Settings) -> None:
    """The record has the form that `chatmail dns` prints."""
    ensure_keys(settings)
    key = load_key(key_path(settings, settings.dkim.selector))
    record = public_record(key)
    parsed = parse_record(record)

    assert record.startswith("v=DKIM1;k=rsa;p=")
    assert record.endswith(";s=email;t=s")
    assert parsed is not None
    assert parsed.strict_identity
    assert key.public_key() == parsed.key


def test_literals_have_no_keys(settings: Settings) -> None:
    """They have no DNS name for a key."""
    settings = dataclasses.replace(settings, dkim=dataclasses.replace(settings.dkim, enable=False))
    ensure_keys(settings)

    assert load_signer(settings) is None
    assert list(pathlib.Path(settings.directories.dkim).iterdir()) == []
