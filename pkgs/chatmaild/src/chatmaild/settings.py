"""The facts of this relay, read once from the file that the Nix description produces.

Attributes are the keys of `modules/chatmail/settings.nix` in snake case:
`mail.maxMessageBytes` is `settings.mail.max_message_bytes`.
Over 300 lines: every setting of the relay, declared once.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from chatmaild.errors import SettingsError
from chatmaild.strictjson import Between, Matching, from_json

DEFAULT_PATH = Path("/etc/chatmail/settings.json")

Port = Annotated[int, Between(1, 65535)]
Positive = Annotated[int, Between(1)]
Unsigned = Annotated[int, Between(0)]
Percent = Annotated[int, Between(1, 100)]
AbsolutePath = Annotated[str, Matching("/[^\0]*", "an absolute path")]
Selector = Annotated[str, Matching("[a-z0-9]([a-z0-9-]*[a-z0-9])?", "a DKIM selector")]
HttpsUrl = Annotated[str, Matching(r"https://[^\s]+", "an https:// URL")]
HostName = Annotated[
    str, Matching(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?", "a host name in lower case")
]
MailDomain = Annotated[
    str,
    Matching(
        r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9])?|\[[0-9]{1,3}(\.[0-9]{1,3}){3}\]",
        "a host name in lower case or an IPv4 address in brackets",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """By which kinds of address the relay is reached."""

    ipv4: bool
    ipv6: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Limits of new addresses; 9 and 22 characters are what clients invent by themselves."""

    user_name_min_length: Annotated[int, Between(1, 9)]
    user_name_max_length: Annotated[int, Between(9, 64)]
    user_name_characters: Annotated[str, Matching("[a-z0-9._-]+", "characters of a-z 0-9 . _ -")]
    password_min_length: Annotated[int, Between(1, 22)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """Limits of messages."""

    max_message_bytes: Positive
    max_recipients: Positive
    messages_per_minute: Positive
    message_burst: Positive
    bounce_after_days: Positive
    fsync: bool
    overhead_bytes: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long things are kept, and how full a mailbox gets."""

    delete_after_days: Annotated[int, Between(1, 20)]
    delete_large_after_days: Positive
    large_message_bytes: Positive
    delete_inactive_after_days: Positive
    quota_megabytes: Positive
    quota_warn_percent: Percent
    quota_clean_percent: Percent
    quota_keep_hours: Unsigned


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Most connections at once."""

    imap_connections: Positive
    imap_connections_per_address: Positive
    smtp_connections: Positive
    smtp_connections_per_address: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """When a new address is refused."""

    max_load: Annotated[float, Between(0)]
    min_free_memory_megabytes: Unsigned
    min_free_disk_megabytes: Unsigned
    per_address_burst: Positive
    per_address_refill_per_second: Positive
    stop_file: AbsolutePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Imap:
    """IMAP sessions that wait."""

    instant_idle: bool
    small_sessions: bool
    hibernate_after_seconds: Unsigned


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """Notifications that wake phones."""

    enable: bool
    notifier_url: HttpsUrl
    token_valid_days: Positive
    give_up_after_seconds: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Who answers for this relay."""

    mail: str | None
    postal: str | None
    data_officer: str | None
    supervisor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """The web pages and the shared port."""

    enable: bool
    port443: Literal["shared", "web-only", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The certificate."""

    mode: Literal["acme", "files", "self-signed"]
    trusted: bool
    certificate_file: AbsolutePath
    key_file: AbsolutePath


@dataclass(frozen=True, slots=True, kw_only=True)
class MtaSts:
    """The policy that other servers read (RFC 8461)."""

    policy: str
    id: Annotated[str, Matching("[0-9a-zA-Z]{1,32}", "letters and digits")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dkim:
    """The signing key (RFC 6376)."""

    enable: bool
    selector: Selector
    published_selectors: tuple[Selector, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The relay for the media of calls."""

    enable: bool
    port: Port
    min_relay_port: Port
    max_relay_port: Port
    secret_file: AbsolutePath
    credential_days: Positive


@dataclass(frozen=True, slots=True, kw_only=True)
class Iroh:
    """The relay for realtime channels; without a program the operator runs it."""

    enable: bool
    program: AbsolutePath | None
    url: HttpsUrl | None
    port: Port


@dataclass(frozen=True, slots=True, kw_only=True)
class Directories:
    """Where lasting state is kept."""

    state: AbsolutePath
    mail: AbsolutePath
    dkim: AbsolutePath
    accounts: AbsolutePath
    tls: AbsolutePath
    postfix_queue: AbsolutePath
    dovecot_base: AbsolutePath


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    """System users, and one group."""

    mail: str
    filter: str
    transport: str
    postfix: str
    dovecot: str
    nginx: str
    turn: str
    tls_group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    """Unix sockets; `auth` and `lmtp` are relative to Postfix' queue directory."""

    recipients: AbsolutePath
    transports: AbsolutePath
    web: AbsolutePath
    metadata: AbsolutePath
    milter: AbsolutePath
    mxdeliv: AbsolutePath
    destinations: AbsolutePath
    end_sessions: AbsolutePath
    quota_status: AbsolutePath
    auth: str
    lmtp: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """TCP ports; the last six listen on loopback only."""

    smtp: Port
    submission: Port
    submissions: Port
    imap: Port
    imaps: Port
    http: Port
    https: Port
    login: Port
    https_internal: Port
    imaps_internal: Port
    submissions_internal: Port
    mxdeliv_smtp: Port
    transport_smtp: Port


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsRecord:
    """A record of the zone that the operator publishes; a DKIM value is filled in from its key."""

    name: str
    type: str
    required: bool
    value: str | None = None
    dkim_selector: Selector | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that chatmaild knows about the relay it runs on."""

    domain: HostName
    mail_domain: MailDomain
    host_name: HostName
    network: Network
    accounts: Accounts
    mail: Mail
    retention: Retention
    limits: Limits
    registration: Registration
    imap: Imap
    push: Push
    contact: Contact
    web: Web
    app_versions_file: AbsolutePath | None
    tls: Tls
    mta_sts: MtaSts
    dkim: Dkim
    turn: Turn
    iroh: Iroh
    directories: Directories
    users: Users
    sockets: Sockets
    ports: Ports
    dns: tuple[DnsRecord, ...] = ()

    @classmethod
    def from_json(cls, data: Any) -> "Settings":
        """The settings in a decoded JSON document; a SettingsError names the key that is wrong."""
        return from_json(cls, data)

    @classmethod
    def load(cls, path: Path = DEFAULT_PATH) -> "Settings":
        """The settings in a file.

        Raises:
            SettingsError: the file cannot be read, is no JSON, or see `from_json`.
        """
        try:
            data = json.loads(path.read_bytes())
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror or error}") from error
        except ValueError as error:
            raise SettingsError(f"{path}: no JSON: {error}") from error
        return cls.from_json(data)
