"""Which messages of a mailbox to delete: too old or over quota."""

from collections.abc import Collection
from typing import Final

from chatmaild.settings import Retention
from chatmaild.store.mail import sdbox
from chatmaild.store.mailboxes import DAY_S
from chatmaild.store.maildir import Message

_MEGABYTE: Final = 1 << 20


def too_old(message: Message, retention: Retention, now_s: float) -> bool:
    """Whether a message is too old; large ones that a client listed have a shorter time."""
    if now_s - message.time_s > retention.delete_after_days * DAY_S:
        return True
    return message.part == "cur" and _is_old_and_large(message, retention, now_s)


def too_old_if_listed(message: Message, retention: Retention, now_s: float) -> bool:
    """Whether a message of an sdbox is too old if a client listed it, which Dovecot knows."""
    return message.part == sdbox.PART and _is_old_and_large(message, retention, now_s)


def _is_old_and_large(message: Message, retention: Retention, now_s: float) -> bool:
    return (
        message.size_bytes > retention.large_message_bytes
        and now_s - message.time_s > retention.delete_large_after_days * DAY_S
    )


def is_nearly_full(messages: Collection[Message], retention: Retention) -> bool:
    """Whether a mailbox with these messages is above 75 % of its quota of bytes or messages."""
    warn = retention.quota_warn_percent
    used_bytes = sum(message.size_bytes for message in messages)
    return (
        used_bytes > warn * retention.quota_megabytes * _MEGABYTE / 100
        or len(messages) > warn * retention.max_messages / 100
    )


def over_quota(messages: Collection[Message], retention: Retention, now_s: float) -> list[Message]:
    """The oldest messages to delete if a mailbox is above 75 % of its quota, until it has 70 %.

    The quota is a size and a number of messages. Messages of the last day stay. The percentages
    and the day are settings.
    """
    if not is_nearly_full(messages, retention):
        return []
    by_age = sorted(messages, key=lambda message: message.time_s)
    used_bytes = sum(message.size_bytes for message in by_age)
    count = len(by_age)
    clean = retention.quota_clean_percent
    target_bytes = clean * retention.quota_megabytes * _MEGABYTE / 100
    target_count = clean * retention.max_messages / 100
    youngest_s = now_s - retention.quota_keep_hours * 3600
    expired = []
    for message in by_age:
        is_below = used_bytes <= target_bytes and count <= target_count
        if is_below or message.time_s > youngest_s:
            break
        expired.append(message)
        used_bytes -= message.size_bytes
        count -= 1
    return expired
