"""The values of {placeholders} in texts."""

from collections.abc import Mapping

from chatmail_www.settings import Settings
from chatmail_www.wording.texts import Texts

PLACEHOLDERS = frozenset(
    {
        "address_days",
        "domain",
        "large_days",
        "large_size",
        "message_days",
        "message_rate",
        "message_size",
        "notifier",
        "quota",
        "recipients",
    }
)

LIMITS = (
    "message_days",
    "large_days",
    "address_days",
    "quota",
    "message_size",
    "message_rate",
    "recipients",
)
"""Rows of the table of limits: the label is `limits.NAME`, the value is fact NAME."""

KEPT = LIMITS[:3]
"""The rows about retention."""


def facts_of(settings: Settings, texts: Texts) -> Mapping[str, str]:
    """Placeholder -> value, in the language of `texts`."""
    retention, mail = settings.retention, settings.mail
    return {
        "address_days": texts.days(retention.delete_inactive_after_days),
        "domain": settings.domain,
        "large_days": texts.days(retention.delete_large_after_days),
        "large_size": texts.size(retention.large_message_bytes),
        "message_days": texts.days(retention.delete_after_days),
        "message_rate": str(mail.messages_per_minute),
        "message_size": texts.size(mail.max_message_bytes),
        "notifier": settings.notifier or "",
        "quota": texts.mebibytes(retention.quota_megabytes),
        "recipients": str(mail.max_recipients),
    }
