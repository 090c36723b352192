"""The settings of the relay, as chatmaild parses them, and of its pages.

The document is settings.json with the section `pages` (modules/chatmail/web/pages.nix).
"""

from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from chatmaild import settings
from chatmaild.errors import SettingsError
from chatmaild.settings import Pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of the relay, and values derived from them."""

    pages: Pages

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """Settings from the parsed JSON document.

        Raises:
            SettingsError: names the key and what is wrong with its value.
        """
        if isinstance(data, dict) and data.get("pages") is None:
            raise SettingsError("pages: missing")
        return super(Settings, cls).from_json(data)

    @property
    def url(self) -> str:
        """The origin of the pages, without a trailing slash."""
        return f"https://{self.domain}"

    @property
    def invite_link(self) -> str:
        """The link in button and QR code of a relay with a trusted certificate."""
        return f"DCACCOUNT:{self.url}/new"

    @property
    def notifier(self) -> str | None:
        """Host of the notification server; None without push."""
        return urlsplit(self.push.notifier_url).hostname if self.push.enable else None
