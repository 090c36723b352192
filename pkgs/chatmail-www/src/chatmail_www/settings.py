"""The part of a relay's settings that its pages tell, read from JSON.

The document is the relay's settings.json with one more section, `pages`
(modules/chatmail/pages.nix).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar
from urllib.parse import urlsplit

from chatmail_www.errors import SettingsError

Value = TypeVar("Value", str, int, bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom to ask about privacy; None where the operator gave nothing."""

    mail: str | None
    postal: str | None
    data_officer: str | None
    supervisor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long and how much the relay keeps."""

    delete_after_days: int
    delete_large_after_days: int
    large_message_bytes: int
    delete_inactive_after_days: int
    quota_megabytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one address can send."""

    max_message_bytes: int
    max_recipients: int
    messages_per_minute: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """What the operator changes about the pages."""

    show_invite: bool
    texts_dir: Path | None
    pages_dir: Path | None
    theme: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All that the pages need to know about their relay."""

    domain: str
    trusted: bool
    notifier: str | None
    calls: bool
    contact: Contact
    retention: Retention
    limits: Limits
    pages: Pages

    @property
    def url(self) -> str:
        """The origin of the pages, without a slash at the end."""
        return f"https://{self.domain}"

    @property
    def invite_link(self) -> str:
        """What button and QR code of a relay with a trusted certificate hold."""
        return f"DCACCOUNT:{self.url}/new"

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Settings of the relay described by the JSON file `path`.

        Raises:
            SettingsError: naming the key that is missing or wrong.
        """
        try:
            return cls.from_json(json.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise SettingsError(f"{path}: {error.strerror}") from error
        except SettingsError as error:
            raise SettingsError(f"{path}: {error}") from error
        except ValueError as error:
            raise SettingsError(f"{path}: not JSON: {error}") from error

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Settings from the parsed JSON document.

        Raises:
            SettingsError: naming the key that is missing or wrong.
        """
        read = _Reader(data)
        notifier_url = read.value("push.notifierUrl", str)
        return cls(
            domain=read.value("domain", str),
            trusted=read.value("tls.trusted", bool),
            notifier=urlsplit(notifier_url).hostname if read.value("push.enable", bool) else None,
            calls=read.value("turn.enable", bool),
            contact=read.contact(),
            retention=read.retention(),
            limits=read.limits(),
            pages=read.pages(),
        )


class _Reader:
    """Typed look-ups by dotted key in a JSON document."""

    def __init__(self, data: object) -> None:
        self._data = data

    def find(self, key: str) -> object:
        found = self._data
        for name in key.split("."):
            if not isinstance(found, dict) or name not in found:
                raise SettingsError(f"{key}: missing")
            found = found[name]
        return found

    def value(self, key: str, kind: type[Value]) -> Value:
        found = self.find(key)
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            raise SettingsError(f"{key}: must be {kind.__name__}, is {found!r}")
        return found

    def optional(self, key: str) -> str | None:
        return None if self.find(key) is None else self.value(key, str)

    def path(self, key: str) -> Path | None:
        text = self.optional(key)
        return None if text is None else Path(text)

    def contact(self) -> Contact:
        return Contact(
            mail=self.optional("contact.mail"),
            postal=self.optional("contact.postal"),
            data_officer=self.optional("contact.dataOfficer"),
            supervisor=self.optional("contact.supervisor"),
        )

    def retention(self) -> Retention:
        return Retention(
            delete_after_days=self.value("retention.deleteAfterDays", int),
            delete_large_after_days=self.value("retention.deleteLargeAfterDays", int),
            large_message_bytes=self.value("retention.largeMessageBytes", int),
            delete_inactive_after_days=self.value("retention.deleteInactiveAfterDays", int),
            quota_megabytes=self.value("retention.quotaMegabytes", int),
        )

    def limits(self) -> Limits:
        return Limits(
            max_message_bytes=self.value("mail.maxMessageBytes", int),
            max_recipients=self.value("mail.maxRecipients", int),
            messages_per_minute=self.value("mail.messagesPerMinute", int),
        )

    def pages(self) -> Pages:
        theme = self.find("pages.theme")
        if not isinstance(theme, dict):
            raise SettingsError(f"pages.theme: must be an object, is {theme!r}")
        return Pages(
            show_invite=self.value("pages.showInvite", bool),
            texts_dir=self.path("pages.textsDir"),
            pages_dir=self.path("pages.pagesDir"),
            theme={name: self.value(f"pages.theme.{name}", str) for name in theme},
        )
