"""The DKIM key of an upstream relay: with its selector kept, DNS needs no change."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chatmaild.dkim.keys import key_path, load_key, parse_key
from chatmaild.errors import ChatmaildError, SettingsError, UntakenError
from chatmaild.operator.exchange.upstream import layout
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken
from chatmaild.operator.privileges import acting_as
from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically

UNIT: Final = "chatmail-filter.service"
# twice a key of 4096 bits: to check a larger one takes minutes
_KEY_LIMIT: Final = 1 << 13
_LEAST_BITS: Final = 1024  # RFC 8301 section 3.2
_SUFFIX: Final = ".private"
# of the key that was there before, such as one that the first start made
_REPLACED: Final = ".replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A private key in PEM form."""

    selector: str
    pem: bytes
    bits: int


def find(tree: Directory, domain: str, untaken: Untaken) -> list[Key]:
    """The keys of a tree that this relay can use; the one that signs comes first."""
    found: list[Key] = []
    try:
        with tree.directory(*layout.DKIM) as directory:
            if directory is None:
                return []
            selectors = _selectors(directory, domain, untaken)
            found = [k for s in selectors if (k := _read(directory, s, untaken))]
    except UntakenError as error:
        untaken.add("/".join(layout.DKIM), str(error))
    return found


def _selectors(directory: Directory, domain: str, untaken: Untaken) -> list[str]:
    try:
        table = directory.read(layout.KEY_TABLE, layout.SETTINGS_LIMIT) or b""
    except UntakenError as error:
        untaken.add(f"{'/'.join(layout.DKIM)}/{layout.KEY_TABLE}", str(error))
        table = b""
    files = [
        name.removesuffix(_SUFFIX)
        for name in directory.names()
        if name.endswith(_SUFFIX) and layout.is_selector(name.removesuffix(_SUFFIX))
    ]
    return list(dict.fromkeys([*layout.selectors(table, domain), *files]))


def _read(directory: Directory, selector: str, untaken: Untaken) -> Key | None:
    name = f"{'/'.join(layout.DKIM)}/{selector}{_SUFFIX}"
    try:
        pem = directory.read(f"{selector}{_SUFFIX}", _KEY_LIMIT)
        if pem is None:
            untaken.add(name, "named in KeyTable, but not there")
            return None
        bits = parse_key(pem, name).key_size
        if bits >= _LEAST_BITS:
            return Key(selector=selector, pem=pem, bits=bits)
        untaken.add(name, f"a key of less than {_LEAST_BITS} bits, which receivers refuse")
    except UntakenError as error:
        untaken.add(name, str(error))
    except SettingsError:
        untaken.add(name, "no RSA key in PEM form without a password")
    return None


def install(settings: Settings, keys: list[Key]) -> list[str]:
    """Store keys that are not stored yet; return their selectors.

    A different key of the same selector is kept beside it as `SELECTOR.private.replaced`, the next
    one as `SELECTOR.private.replaced2`, and so on. A relay
    that signs with an installed key starts to use it.

    Raises:
        ChatmaildError: what was stored cannot be read again.
        OSError: it cannot be written.
    """
    done = []
    with acting_as(settings.users.filter):
        for key in keys:
            path = key_path(settings, key.selector)
            if _is_stored(path, key):
                continue
            if path.exists():
                write_atomically(_free_name(path), path.read_bytes())
            write_atomically(path, key.pem)
            if not _is_stored(path, key):
                raise ChatmaildError(f"{path} has another key than was written")
            done.append(key.selector)
    if settings.dkim.selector in done:
        restart_filter()
    return done


def _free_name(path: Path) -> Path:
    names = (path.with_name(f"{path.name}{_REPLACED}{n}") for n in ("", *range(2, 1000)))
    return next(name for name in names if not name.exists())


def restart_filter() -> None:
    """Let the filter read its key; its SMTP sessions continue in the new process.

    Raises:
        ChatmaildError: systemd refuses.
    """
    try:
        subprocess.run(
            ["systemctl", "try-restart", UNIT], check=True, capture_output=True, timeout=60
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ChatmaildError(
            f"{UNIT} still signs with the old key: run `systemctl restart {UNIT}`"
        ) from error


def _is_stored(path: Path, key: Key) -> bool:
    try:
        return _public(load_key(path)) == _public(parse_key(key.pem, str(path)))
    except (FileNotFoundError, SettingsError):
        return False


def _public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
