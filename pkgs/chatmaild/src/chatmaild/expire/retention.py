"""Which messages of a mailbox to delete: too old or over quota."""

from collections.abc import Iterable
from typing import Final

from chatmaild.settings import Retention
from chatmaild.store.mailboxes import DAY_S
from chatmaild.store.maildir import Message

_MEGABYTE: Final = 1 << 20


def too_old(message: Message, retention: Retention, now_s: float) -> bool:
    """Whether a message is too old; large messages that were seen (`cur`) have a shorter time."""
    age_s = now_s - message.time_s
    if age_s > retention.delete_after_days * DAY_S:
        return True
    large = message.size_bytes > retention.large_message_bytes and message.part == "cur"
    return large and age_s > retention.delete_large_after_days * DAY_S


def over_quota(messages: Iterable[Message], retention: Retention, now_s: float) -> list[Message]:
    """The oldest messages to delete if a mailbox is above 75 % of its quota, until it has 70 %.

    The quota is a size and a number of messages. Messages of the last day stay. The percentages
    and the day are settings.
    """
    by_age = sorted(messages, key=lambda message: message.time_s)
    used_bytes = sum(message.size_bytes for message in by_age)
    count = len(by_age)
    percent_bytes = retention.quota_megabytes * _MEGABYTE / 100
    percent_count = retention.max_messages / 100
    warn, clean = retention.quota_warn_percent, retention.quota_clean_percent
    if used_bytes <= warn * percent_bytes and count <= warn * percent_count:
        return []
    target_bytes, target_count = clean * percent_bytes, clean * percent_count
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
