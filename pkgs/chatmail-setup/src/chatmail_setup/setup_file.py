"""Reads `chatmail.toml`, and says what to correct in it."""

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import idna

# `mta-sts.` is put before it, and a name has at most 253 characters (RFC 1035 section 2.3.4)
LONGEST_DOMAIN: Final = 253 - len("mta-sts.")
# the domain in the file that comes with the image
EXAMPLE_DOMAIN: Final = "chat.example.org"

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_CONTACT = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_SSH_KEY = re.compile(r"(ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/]+=*( .*)?")
_COUNTRY = re.compile(r"[A-Z]{2}")
_TOML_PLACE = re.compile(r"\(at line (\d+), column \d+\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wifi:
    """The wireless network to join (WPA2 or WPA3 with a password)."""

    name: str
    password: str
    country: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupFile:
    """A valid `chatmail.toml`."""

    domain: str
    contact: str | None = None
    ssh_keys: tuple[str, ...] = ()
    wifi: Wifi | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """What to correct in `chatmail.toml`, one sentence each."""

    sentences: tuple[str, ...]


class _MistakeError(ValueError):
    """One sentence for the person who wrote the file."""


def read_first(files: Sequence[Path]) -> SetupFile | Mistakes:
    """Read the first of the files that exists; a missing file is a mistake."""
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        places = " or ".join(map(str, files))
        return Mistakes(sentences=(f"chatmail.toml is missing. Write it as {places}.",))
    read = read_setup_file(file.read_bytes())
    if isinstance(read, Mistakes):
        return Mistakes(sentences=(f"In {file}:", *read.sentences))
    return read


def read_setup_file(content: bytes) -> SetupFile | Mistakes:
    """Read the content of `chatmail.toml`; all mistakes are returned together."""
    try:
        table = _parse(content)
    except _MistakeError as error:
        return Mistakes(sentences=(str(error),))
    mistakes = _unknown(table, {"domain", "contact", "ssh_key", "wifi"}, "")
    values: dict[str, Any] = {}
    for name, key, read in (
        ("domain", "domain", _domain),
        ("contact", "contact", _contact),
        ("ssh_keys", "ssh_key", _ssh_keys),
        ("wifi", "wifi", _wifi),
    ):
        try:
            values[name] = read(table.get(key))
        except _MistakeError as error:
            mistakes.append(str(error))
    return Mistakes(sentences=tuple(mistakes)) if mistakes else SetupFile(**values)


def _parse(content: bytes) -> dict[str, Any]:
    try:
        # the editor of Windows writes a byte order mark
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _MistakeError("Save chatmail.toml as plain text in UTF-8.") from None
    if "\N{LEFT DOUBLE QUOTATION MARK}" in text or "\N{RIGHT DOUBLE QUOTATION MARK}" in text:
        raise _MistakeError('Use straight quotation marks: "like this".')
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        where = f"Line {place[1]}" if place else "A line"
        raise _MistakeError(
            f'{where} cannot be read. A line looks like this: domain = "{EXAMPLE_DOMAIN}"'
        ) from None


def _unknown(table: dict[str, Any], known: set[str], where: str) -> list[str]:
    sentences = []
    for key in sorted(table.keys() - known):
        near = difflib.get_close_matches(key, sorted(known), n=1)
        hint = f"; do you mean {near[0]}?" if near else f". Known are: {', '.join(sorted(known))}."
        sentences.append(f"{where}{key} is not known{hint}")
    return sentences


def _text(value: object, key: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _MistakeError(f'{key} must be a text in quotation marks: {key} = "..."')
    return value.strip()


def _domain(value: object) -> str:
    if value is None:
        raise _MistakeError(f'The domain is missing: domain = "{EXAMPLE_DOMAIN}"')
    domain = _text(value, "domain").lower().removesuffix(".")
    if "://" in domain or "/" in domain or "@" in domain or ":" in domain:
        raise _MistakeError(
            f"domain is a bare name like {EXAMPLE_DOMAIN}, without https://, @ or /."
        )
    if domain == EXAMPLE_DOMAIN:
        raise _MistakeError(f"domain is still the example {EXAMPLE_DOMAIN}; write your own.")
    if domain.startswith("_") or _is_ip_address(domain):
        raise _MistakeError(
            "This image needs a domain that can have a certificate. For a name that begins with _ "
            "or an IP address build your own image: see docs/install.md."
        )
    try:
        # IDNA2008, as DNS registries use it; Python's own codec is IDNA2003
        domain = ".".join(
            label if label.isascii() else idna.alabel(label).decode("ascii")
            for label in domain.split(".")
        )
    except UnicodeError:
        raise _MistakeError(f"domain = {domain!r} is not a domain name.") from None
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        raise _MistakeError(f"domain = {domain!r} is not a domain name like {EXAMPLE_DOMAIN}.")
    if len(domain) > LONGEST_DOMAIN:
        raise _MistakeError(
            f"domain is too long: {len(domain)} characters, at most {LONGEST_DOMAIN}."
        )
    return domain


def _is_ip_address(domain: str) -> bool:
    try:
        ipaddress.ip_address(domain.strip("[]"))
    except ValueError:
        return False
    return True


def _contact(value: object) -> str | None:
    if value is None:
        return None
    contact = _text(value, "contact")
    if not _CONTACT.fullmatch(contact):
        raise _MistakeError(f"contact = {contact!r} is not an e-mail address.")
    return contact


def _ssh_keys(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    keys = value if isinstance(value, list) else [value]
    read = tuple(_text(key, "ssh_key") for key in keys)
    for key in read:
        if "PRIVATE KEY" in key:
            raise _MistakeError(
                "ssh_key is a private key: keep it, and write the public one (.pub)."
            )
        if not _SSH_KEY.fullmatch(key):
            raise _MistakeError('ssh_key must be one line like "ssh-ed25519 AAAA... me@laptop".')
    return read


def _wifi(value: object) -> Wifi | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _MistakeError(
            'Wi-Fi is a part of its own: a line [wifi], then name = "..." and password = "..."'
        )
    unknown = _unknown(value, {"name", "password", "country"}, "In [wifi]: ")
    if unknown:
        raise _MistakeError(unknown[0])
    name, password = _text(value.get("name"), "name"), _text(value.get("password"), "password")
    # IEEE 802.11: a network's name has at most 32 bytes, a passphrase 8 to 63 characters
    if len(name.encode()) > 32:
        raise _MistakeError("The name of the Wi-Fi is too long: at most 32 bytes.")
    if not 8 <= len(password) <= 63 or not password.isascii() or not password.isprintable():
        raise _MistakeError("The password of the Wi-Fi must have 8 to 63 ASCII characters.")
    country = value.get("country")
    if country is not None and not (isinstance(country, str) and _COUNTRY.fullmatch(country)):
        raise _MistakeError('country is two capital letters, like country = "DE".')
    return Wifi(name=name, password=password, country=country)
