"""Every metric of a relay: its name, type, meaning, labels and who counts it.

Names follow Prometheus' conventions: base units, `_total` for counters. The prefix `chatmail_` and
`_total` are added when the text is made. A label never holds an address, a domain or an IP address.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

ACCOUNTS: Final = "accounts"
# on a front, in place of accounts
DIRECTORY: Final = "directory"
FILTER: Final = "filter"
TRANSPORT: Final = "transport"
MONITOR: Final = "monitor"

# a message on one relay takes 8 ms, one that waits for a retry minutes or hours
_LATENCY_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86400)
_PUSH_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 18000)
_INGRESSES: Final = ("submission", "smtp", "https", "bounce")
_QUEUES: Final = ("maildrop", "incoming", "active", "deferred", "hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One metric.

    Attributes:
        source: the process that counts it.
        labels: names of the labels, each with the values that are 0 from the start; none for
            labels whose values are not known before.
        buckets: upper bounds of a histogram, in seconds.
    """

    source: str
    kind: str
    help: str
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = ()

    @property
    def is_counter(self) -> bool:
        """Whether it only grows; its name ends in `_total`."""
        return self.kind == "counter"


def _counter(source: str, text: str, /, **labels: tuple[str, ...]) -> Family:
    return Family(source=source, kind="counter", help=text, labels=labels)


def _gauge(source: str, text: str, /, **labels: tuple[str, ...]) -> Family:
    return Family(source=source, kind="gauge", help=text, labels=labels)


def _histogram(source: str, text: str, buckets: tuple[float, ...]) -> Family:
    return Family(source=source, kind="histogram", help=text, buckets=buckets)


FAMILIES: Final[Mapping[str, Family]] = {
    # --- the filter
    "messages_accepted": _counter(
        FILTER, "Messages that the filter accepted, by ingress.", ingress=_INGRESSES
    ),
    "messages_discarded": _counter(
        FILTER,
        "Messages of or for disabled addresses, dropped after a 250, by ingress.",
        ingress=_INGRESSES,
    ),
    "refusals": _counter(
        FILTER,
        "Replies 4yz (temporary) and 5yz (permanent) of the filter, by ingress and reason; each"
        " refused recipient counts.",
        ingress=(),
        kind=(),
        reason=(),
    ),
    "dkim_verifications": _counter(
        FILTER,
        "Checks of the signatures of incoming messages, by result.",
        result=("pass", "no_signature", "no_valid_signature", "key_unavailable"),
    ),
    "dkim_signatures": _counter(FILTER, "Messages that were signed."),
    "dkim_key_created_timestamp_seconds": _gauge(
        FILTER, "When the key of a selector was made.", selector=()
    ),
    # --- accounts
    "logins": _counter(
        ACCOUNTS,
        "Logins by result; slowed ones wait, because of wrong passwords.",
        result=("accepted", "refused", "slowed"),
    ),
    "addresses_created": _counter(
        ACCOUNTS,
        "New addresses by kind: of people, of tests (ci-), automatic ones of clients (passwords of"
        " 23 letters and digits).",
        kind=("user", "ci", "automatic"),
    ),
    "addresses_offered": _counter(ACCOUNTS, "Addresses that /new offered."),
    "addresses_deleted": _counter(
        ACCOUNTS, "Addresses that were deleted over the web.", by=("person",)
    ),
    "registrations_refused": _counter(
        ACCOUNTS,
        "New addresses that were refused, by reason.",
        reason=(
            *("closed", "overloaded", "stopped", "automatic", "automatic-limit"),
            *("name-reserved", "name-deleted"),
        ),
    ),
    "deliveries": _counter(
        ACCOUNTS,
        "Deliveries to mailboxes, as Dovecot reports them.",
        result=("delivered", "failed"),
    ),
    "delivered_bytes": _counter(ACCOUNTS, "Size of the delivered messages."),
    "notifications": _counter(
        ACCOUNTS,
        "Attempts to notify a device, by the HTTP status of the notification server; 410 means"
        " that the device is gone.",
        result=("200", "410", "unreachable", "given_up"),
    ),
    "notification_seconds": _histogram(
        ACCOUNTS, "From a delivery until the notification server took its notification.", _PUSH_S
    ),
    "notifications_waiting": _gauge(ACCOUNTS, "Notifications that are not sent yet."),
    "notifications_oldest_age_seconds": _gauge(
        ACCOUNTS, "Age of the oldest notification that is not sent yet."
    ),
    "memory_size_bytes": _gauge(ACCOUNTS, "Memory of the machine."),
    "memory_available_bytes": _gauge(
        ACCOUNTS, "Memory that programs can still get (MemAvailable in proc_meminfo(5))."
    ),
    # --- the directory of a front
    "directory_lookups": _counter(
        DIRECTORY,
        "Look-ups of addresses at the stores, by result; unavailable ones wait for a store.",
        result=("here", "unknown", "unavailable"),
    ),
    "directory_cached": _counter(
        DIRECTORY, "Look-ups that were answered from memory: a store was asked up to 2 s before."
    ),
    "directory_searches": _counter(
        DIRECTORY,
        "Searches of all stores for an address that is not at its place, for mail and for people"
        " (logins and /new); refused ones are beyond the budget.",
        kind=("mail", "people"),
        result=("made", "refused"),
    ),
    "store_up": _gauge(DIRECTORY, "Whether a store answers this front.", store=()),
    # --- transport
    "https_out": _counter(
        TRANSPORT,
        "Attempts to deliver a message over HTTPS, by outcome; Postfix tries SMTP after each other"
        " than delivered.",
        outcome=("delivered", "answered", "toolarge", "unusable", "broken", "busy"),
    ),
    "https_out_seconds": _histogram(
        TRANSPORT, "Duration of successful deliveries over HTTPS.", _LATENCY_S
    ),
    "https_in": _counter(
        TRANSPORT, "Messages that came over HTTPS, by SMTP reply code.", code=("250",)
    ),
    # --- the collector
    "build_info": _gauge(MONITOR, "Always 1; the label is the version.", version=()),
    "machine_info": _gauge(
        MONITOR,
        "Always 1; the labels are name and role of a machine of several.",
        machine=(),
        role=("front", "store"),
    ),
    "source_up": _gauge(
        MONITOR,
        "Whether a service answered the collector.",
        source=(ACCOUNTS, DIRECTORY, FILTER, TRANSPORT, "postfix"),
    ),
    "unit_up": _gauge(MONITOR, "Whether a unit has processes.", unit=()),
    "unit_memory_bytes": _gauge(MONITOR, "Memory of a unit, with its page cache.", unit=()),
    "unit_cpu_seconds": _counter(MONITOR, "Processor time of a unit since it started.", unit=()),
    "queue_messages": _gauge(MONITOR, "Messages in Postfix' queues.", queue=_QUEUES),
    "queue_oldest_age_seconds": _gauge(
        MONITOR, "Age of the oldest message of a queue; 0 if it is empty.", queue=_QUEUES
    ),
    "queue_age_messages": _gauge(
        MONITOR, "Queued messages by age.", age=("10m", "1h", "1d", "more")
    ),
    "connections": _gauge(
        MONITOR, "Open connections of clients and servers, by public port.", port=()
    ),
    "disk_size_bytes": _gauge(MONITOR, "Size of the file system.", directory=()),
    "disk_free_bytes": _gauge(MONITOR, "Free space of the file system.", directory=()),
    "disk_inodes": _gauge(MONITOR, "Inodes of the file system.", directory=()),
    "disk_free_inodes": _gauge(MONITOR, "Free inodes of the file system.", directory=()),
    "addresses": _gauge(MONITOR, "Addresses by kind, counted once an hour.", kind=()),
    "addresses_active": _gauge(
        MONITOR, "Addresses with a login in so many days, counted once an hour.", days=()
    ),
    "addresses_counted_timestamp_seconds": _gauge(MONITOR, "When the addresses were counted."),
    "mailboxes_messages": _gauge(MONITOR, "Messages in all mailboxes, counted once a day."),
    "mailboxes_bytes": _gauge(MONITOR, "Size of all mailboxes, counted once a day."),
    "mailboxes_to_convert": _gauge(
        MONITOR, "Mailboxes that wait for their conversion to another format."
    ),
    "mailboxes_not_converted": _gauge(
        MONITOR, "Mailboxes whose conversion failed; chatmail storage status says why."
    ),
    "rebalance_addresses_left": _gauge(
        MONITOR, "Addresses of a store that belong to another; counted while they are to move."
    ),
    "rebalance_failing": _gauge(
        MONITOR, "Whether some of them cannot move; chatmail rebalance --status says why."
    ),
    "expire_last_success_timestamp_seconds": _gauge(MONITOR, "When old mail was last deleted."),
    "backup_last_success_timestamp_seconds": _gauge(
        MONITOR, "When the last good backup ended; absent before the first."
    ),
    "backup_last_success_duration_seconds": _gauge(MONITOR, "How long the last good backup took."),
    "backup_last_success_bytes": _gauge(MONITOR, "Size of what the last good backup has."),
    "backup_failures": _counter(MONITOR, "Backups that failed or are incomplete."),
    "certificate_expiry_timestamp_seconds": _gauge(
        MONITOR, "When the certificate ends that clients see, looked at once an hour."
    ),
    "selftest_passed": _gauge(MONITOR, "Result of each check of the last selftest.", check=()),
    "selftest_timestamp_seconds": _gauge(MONITOR, "When the last selftest ended."),
    "upgrade_passed": _gauge(
        MONITOR, "Whether the last upgrade by chatmail-upgrade stayed, or had nothing to do."
    ),
    "upgrade_timestamp_seconds": _gauge(
        MONITOR, "When the last upgrade by chatmail-upgrade ended."
    ),
    "last_offer_timestamp_seconds": _gauge(
        MONITOR,
        "When another server last offered mail, or since when none did, by ingress.",
        ingress=("smtp", "https"),
    ),
    "delivery_seconds": _histogram(
        MONITOR,
        "From the end of a message's content until it is in a mailbox; one of eight is measured.",
        _LATENCY_S,
    ),
    "deliveries_unmatched": _counter(
        MONITOR, "Measured deliveries whose acceptance is not known any more."
    ),
}
