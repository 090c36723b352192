"""The sections of settings.json, made by modules/chatmail/schema.nix: change the options there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    nobody: str
    password_min_length: int  # 1 to 22
    user_name_characters: str
    user_name_max_length: int  # 9 to 64
    user_name_min_length: int  # 1 to 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    enable: bool
    environment_file: str | None
    password_file: str | None
    repository: str | None
    schedule: str
    with_mail: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    address: str
    host: str
    public_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    address: str
    host: str
    public_key: str
    state: Literal["new", "open", "draining"]
    weight: int  # 1 or more


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    address: str | None
    fronts: Mapping[str, Front]
    interface: str
    machine: str | None
    placements: tuple[Mapping[str, int], ...]
    port: int  # 1 to 65535
    role: Literal["all", "front", "store"]
    stores: Mapping[str, Store]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    data_officer: str | None
    mail: str | None
    postal: str | None
    supervisor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directories:
    accounts: str
    backup: str
    dkim: str
    dovecot_base: str
    mail: str
    move: str
    numbers: str
    operator: str
    postfix_queue: str
    state: str
    tls: str
    transport: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dkim:
    enable: bool
    published_selectors: tuple[str, ...]
    selector: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsRecord:
    dkim_selector: str | None = None
    name: str
    required: bool
    type: str
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Domains:
    allowed_only: tuple[str, ...]
    blocked: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imap:
    discreet_login: bool
    hibernate_after_seconds: int  # 0 or more
    instant_idle: bool
    small_sessions: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Iroh:
    enable: bool
    host: str
    port: int  # 1 to 65535
    runs: bool
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    imap_connections: int  # 1 or more
    imap_connections_per_ip: int  # 1 or more
    port443_connections_per_ip: int  # 1 or more
    smtp_connections: int  # 1 or more
    smtp_connections_per_ip: int  # 1 or more
    web_connections: int  # 1 or more
    web_connections_per_ip: int  # 1 or more


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    bounce_after_days: int  # 1 to 7
    direct_delivery: bool
    domains_per_minute: int  # 10 to 100000
    fsync: bool
    max_domains: int  # 10 to 100000
    max_message_bytes: int  # 1 or more
    max_recipients: int  # 100 to 100000
    message_burst: int  # 1 or more
    messages_per_minute: int  # 1 or more
    overhead_bytes: int  # 1 or more


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    address: str
    enable: bool
    port: int  # 1 to 65535
    token_file: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Monitoring:
    enable: bool
    metrics: Metrics


@dataclass(frozen=True, slots=True, kw_only=True)
class MtaSts:
    id: str
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    ipv4: bool
    ipv6: bool
    private_networks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    pages_dir: str | None
    show_invite: bool
    texts_dir: str | None
    theme: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    accounts: int  # 1 to 65535
    challenges: int  # 1 to 65535
    http: int  # 1 to 65535
    https: int  # 1 to 65535
    https_internal: int  # 1 to 65535
    imap: int  # 1 to 65535
    imaps: int  # 1 to 65535
    imaps_from_https: int  # 1 to 65535
    imaps_internal: int  # 1 to 65535
    lmtp: int  # 1 to 65535
    login: int  # 1 to 65535
    moves: int  # 1 to 65535
    mxdeliv_smtp: int  # 1 to 65535
    smtp: int  # 1 to 65535
    submission: int  # 1 to 65535
    submission_internal: int  # 1 to 65535
    submissions: int  # 1 to 65535
    submissions_internal: int  # 1 to 65535
    transport_smtp: int  # 1 to 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    enable: bool
    give_up_after_seconds: int  # 1 or more
    notifier_url: str
    token_valid_days: int  # 1 or more


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    automatic: Literal["allow", "refuse"] | int  # 1 to 10000
    max_load: float  # above 0
    min_free_disk_megabytes: int  # 0 or more
    min_free_inodes: int  # 0 or more
    min_free_memory_megabytes: int  # 0 or more
    per_ip_burst: int  # 1 or more
    per_ip_refill_per_second: int  # 1 or more
    stop_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    delete_after_days: int  # 1 to 20
    delete_inactive_after_days: int  # 1 or more
    delete_large_after_days: int  # 1 or more
    large_message_bytes: int  # 1 or more
    max_folders: int  # 10 to 10000
    max_messages: int  # 1000 to 10000000
    quota_clean_percent: int  # 1 to 100
    quota_keep_hours: int  # 0 or more
    quota_megabytes: int  # 1 or more
    quota_warn_percent: int  # 1 to 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Selftest:
    mail_domains: tuple[str, ...]
    relays: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sockets:
    accounts_metrics: str
    auth: str
    deliveries: str
    destinations: str
    directory: str
    doveadm: str
    end_sessions: str
    filter_metrics: str
    https: str
    list_sessions: str
    lmtp: str
    lmtp_direct: str
    metadata: str
    milter: str
    milter_direct: str
    milter_submission: str
    mxdeliv: str
    quota_status: str
    recipients: str
    store_returned: str
    transport_metrics: str
    transport_recipients: str
    transports: str
    web: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    certificate_file: str
    key_file: str
    mode: Literal["acme", "files", "self-signed"]
    trusted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    credential_days: int  # 1 or more
    enable: bool
    max_relay_port: int  # 1 to 65535
    min_relay_port: int  # 1 to 65535
    port: int  # 1 to 65535
    secret_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Users:
    dovecot: str
    dovecot_login: str
    filter: str
    mail: str
    metrics: str
    nginx: str
    postfix: str
    tls_group: str
    transport: str
    turn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    enable: bool
    port443: Literal["shared", "web-only", "off"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    accounts: Accounts
    app_versions_file: str | None
    backup: Backup
    cluster: Cluster
    contact: Contact
    directories: Directories
    dkim: Dkim
    dns: tuple[DnsRecord, ...] = ()
    domain: str
    domains: Domains
    host_name: str
    imap: Imap
    iroh: Iroh
    limits: Limits
    mail: Mail
    mail_domain: str
    monitoring: Monitoring
    mta_sts: MtaSts
    network: Network
    pages: Pages | None = None
    ports: Ports
    push: Push
    registration: Registration
    retention: Retention
    selftest: Selftest
    sockets: Sockets
    tls: Tls
    turn: Turn
    units: tuple[str, ...]
    users: Users
    web: Web
