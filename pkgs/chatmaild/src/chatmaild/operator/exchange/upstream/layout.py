"""Paths and formats of an upstream relay (chatmail/relay 1.0 to 1.12, on Debian 12).

home/vmail/mail/DOMAIN/ADDRESS/    password, enforceE2EEincoming, metadata.json, maildir
etc/dkimkeys/SELECTOR.private      and KeyTable, which names the selector
usr/local/lib/chatmaild/chatmail.ini
var/spool/postfix/                 the queue
var/lib/acme/                      certificates and account of acmetool (acmetool.py)
"""

import configparser
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chatmaild.address import Address, address_or_none
from chatmaild.settings import Settings
from chatmaild.store.passwords import can_verify

MAIL: Final = ("home", "vmail", "mail")
DKIM: Final = ("etc", "dkimkeys")
KEY_TABLE: Final = "KeyTable"
SIGNING_TABLE: Final = "SigningTable"
INI: Final = ("usr", "local", "lib", "chatmaild")
INI_FILE: Final = "chatmail.ini"
QUEUE: Final = ("var", "spool", "postfix")
# upstream has no setting for it
SELECTOR: Final = "opendkim"
# beside the mailboxes: notifications of the last five hours
NO_MAILBOXES: Final = frozenset({"pending_notifications"})
SETTINGS_LIMIT: Final = 1 << 16

# a hash that no password has (crypt(5))
_BLOCKED: Final = "*"
_SELECTOR: Final = re.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_KEY_ROW: Final = re.compile(r"\S+\s+([^:\s]+):([^:\s]+):(\S+)")


def mail_directory(domain: str) -> str:
    """The name of the directory of a domain; a literal `[192.0.2.1]` has no brackets there."""
    return domain.strip("[]")


def address_of(name: str, domain: str) -> Address | None:
    """The account that a directory name is; None for any other name."""
    address = address_or_none(name)
    if address is None or address.account != address or str(address) != name:
        return None
    return address if address.domain == domain else None


def hash_here(text: str) -> str:
    """A password hash of Dovecot as it is stored here: without `{CRYPT}`, empty if blocked."""
    text = text.strip().removeprefix("{CRYPT}")
    return "" if text == _BLOCKED else text


def hash_there(encoded: str) -> str:
    """A password hash of this relay as Dovecot 2.3 reads it, whose default is clear text.

    Upstream gives an address with an empty file to the next login, whatever its password.
    """
    if not encoded:
        return f"{{CRYPT}}{_BLOCKED}"
    if encoded.startswith("{"):
        return encoded
    prefix = "{SHA512-CRYPT}" if encoded.startswith("$6$") else "{CRYPT}"
    return prefix + encoded


def is_good_hash(encoded: str) -> bool:
    """Whether a login here can verify it; empty is a blocked address."""
    return not encoded or can_verify(encoded)


def selectors(key_table: bytes, domain: str) -> list[str]:
    """The selectors of a domain in opendkim's KeyTable; only those that DNS and files can have."""
    found = []
    for line in key_table.decode("ascii", "replace").splitlines():
        row = _KEY_ROW.fullmatch(line.strip())
        if row and row[1].lower() == domain and _SELECTOR.fullmatch(row[2]):
            found.append(row[2])
    return found


def is_selector(text: str) -> bool:
    """Whether our option accepts it."""
    return _SELECTOR.fullmatch(text) is not None


def key_table(domain: str) -> str:
    """Opendkim's KeyTable, as upstream writes it."""
    path = f"/{'/'.join(DKIM)}/{SELECTOR}.private"
    return f"{SELECTOR}._domainkey.{domain} {domain}:{SELECTOR}:{path}\n"


def signing_table(domain: str) -> str:
    """Opendkim's SigningTable: all addresses of the domain."""
    return f"*@{domain} {SELECTOR}._domainkey.{domain}\n"


def parameters(ini: bytes) -> dict[str, str]:
    """The settings in a chatmail.ini; empty if it cannot be read."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    try:
        parser.read_string(ini.decode("utf-8"))
        return dict(parser["params"]) if parser.has_section("params") else {}
    except (configparser.Error, UnicodeDecodeError):
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting that has another value there than here; `option` is below `services.chatmail.`."""

    option: str
    there: str
    here: str


def differences(there: Mapping[str, str], here: Settings) -> list[Difference]:
    """The settings of a chatmail.ini that this relay has with other values."""
    return [
        Difference(option=option, there=" ".join(there[name].split()), here=value)
        for name, option, value in _pairs(here)
        if name in there and _plain(there[name]) not in ("", _plain(value))
    ]


def ini_text(settings: Settings) -> str:
    """A chatmail.ini with the settings of this relay."""
    lines = ["[params]", f"mail_domain = {mail_directory(settings.mail_domain)}"]
    lines += [f"{name} = {value}" for name, _, value in _pairs(settings) if value]
    return "".join(f"{line}\n" for line in lines)


def _pairs(here: Settings) -> Iterable[tuple[str, str, str]]:
    """Upstream's name, our option, and our value in upstream's form."""
    mail, retention, accounts = here.mail, here.retention, here.accounts
    limits, registration, contact = here.limits, here.registration, here.contact
    rows: list[tuple[str, str, object]] = [
        ("max_user_send_per_minute", "mail.messagesPerMinute", mail.messages_per_minute),
        ("max_user_send_burst_size", "mail.messageBurst", mail.message_burst),
        ("max_message_size", "mail.maxMessageBytes", mail.max_message_bytes),
        ("max_mailbox_size", "retention.quotaMegabytes", f"{retention.quota_megabytes}M"),
        ("delete_mails_after", "retention.deleteAfterDays", retention.delete_after_days),
        ("delete_large_after", "retention.deleteLargeAfterDays", retention.delete_large_after_days),
        (
            "delete_inactive_users_after",
            "retention.deleteInactiveAfterDays",
            retention.delete_inactive_after_days,
        ),
        ("username_min_length", "accounts.userNameMinLength", accounts.user_name_min_length),
        ("username_max_length", "accounts.userNameMaxLength", accounts.user_name_max_length),
        ("password_min_length", "accounts.passwordMinLength", accounts.password_min_length),
        ("max_load_1m", "registration.maxLoad", f"{registration.max_load:g}"),
        (
            "min_available_memory",
            "registration.minFreeMemoryMegabytes",
            f"{registration.min_free_memory_megabytes}M",
        ),
        (
            "min_free_disk_space",
            "registration.minFreeDiskMegabytes",
            f"{registration.min_free_disk_megabytes}M",
        ),
        ("max_imap_connections", "limits.imapConnections", limits.imap_connections),
        ("max_smtp_connections", "limits.smtpConnections", limits.smtp_connections),
        ("privacy_postal", "web.contact.postal", contact.postal or ""),
        ("privacy_mail", "web.contact.mail", contact.mail or ""),
        ("privacy_pdo", "web.contact.dataOfficer", contact.data_officer or ""),
        ("privacy_supervisor", "web.contact.supervisor", contact.supervisor or ""),
    ]
    return [(name, option, " ".join(str(value).split())) for name, option, value in rows]


def _plain(value: str) -> str:
    """A value in one form: sizes in megabytes, one blank between words."""
    text = " ".join(value.split())
    found = re.fullmatch(r"(\d{1,9})([MG])B?", text, re.IGNORECASE)
    if found is None:
        return text
    return f"{int(found[1]) * (1024 if found[2] in 'gG' else 1)}M"
