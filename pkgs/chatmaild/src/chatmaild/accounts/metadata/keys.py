"""Look up and set metadata keys.

Dovecot maps `/private/NAME` of a mailbox to `priv/GUID/NAME` and the keys of the server to
`shared/GUID/vendor/vendor.dovecot/pvt/server/NAME`; GUID is that of the mailbox.
"""

import base64
import hashlib
import hmac
import logging
import re
import secrets
import time
from pathlib import Path
from typing import Final

from chatmaild import logs
from chatmaild.accounts.metadata.appversions import AppVersions
from chatmaild.address import Address
from chatmaild.errors import AddressError
from chatmaild.settings import Settings, Turn
from chatmaild.store.mailboxes import DAY_S
from chatmaild.store.tokens import Tokens, is_token

_log = logging.getLogger(__name__)

_PRIVATE: Final = re.compile("priv/[^/]+/(.+)")
_SERVER: Final = re.compile("shared/[^/]+/vendor/vendor\\.dovecot/pvt/server/vendor/deltachat/(.+)")
# core asks for another credential 12 h before the end of the one that it has
_LEAST_S: Final = DAY_S
DEVICE_TOKEN: Final = "devicetoken"  # noqa: S105 - a key's name


class Keys:
    """The keys of all addresses."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._settings = settings
        self._tokens = tokens
        self._app_versions = AppVersions(settings.app_versions_file)
        self._turn_key = secrets.token_bytes(32)

    def look_up(self, key: str, user: Address | None) -> str | None:
        """Return the value of a key for a user, None when there is none.

        Raises:
            AddressError: the key belongs to a user, and there is none.
        """
        if found := _PRIVATE.fullmatch(key):
            if found[1] != DEVICE_TOKEN:
                return None
            return " ".join(self._tokens.valid(_owner(user), now_s=time.time()))
        found = _SERVER.fullmatch(key)
        return self._server_key(found[1], user) if found else None

    def set(self, key: str, user: Address | None, value: str | None) -> bool:
        """Set a key, or unset it (None); return False when it cannot have that value.

        Raises:
            AddressError: the key belongs to a user, and there is none.
            OSError: the disk fails.
        """
        found = _PRIVATE.fullmatch(key)
        if not found or found[1] != DEVICE_TOKEN:
            return False
        if value is None:
            self._tokens.remove(_owner(user), None, now_s=time.time())
            return True
        if not is_token(value):
            return False
        self._tokens.add(_owner(user), value, now_s=time.time())
        return True

    def _server_key(self, name: str, user: Address | None) -> str | None:
        match name:
            case "irohrelay":
                return self._settings.iroh.url
            case "turn":
                domain, turn = self._settings.domain, self._settings.turn
                second = _second_of(_owner(user), self._turn_key)
                return turn_credentials(domain, turn, second, time.time())
            case "maxsmtprecipients":
                return str(self._settings.mail.max_recipients)
            case "appversions":
                return self._app_versions.current()
            case _:
                return None


def _owner(user: Address | None) -> Address:
    if user is None:
        raise AddressError("a device token belongs to an address")
    return user


def _second_of(user: Address, key: bytes) -> int:
    """Return a number that stands for an account, for as long as the key exists."""
    digest = hmac.digest(key, str(user.account).encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big")


def turn_credentials(host: str, turn: Turn, second: int, now_s: float) -> str | None:
    """Return `HOST:PORT:EXPIRY:PASSWORD` for the TURN server; None if off or without secret.

    The user name is the unix time until which it is valid, the password its keyed hash: the REST
    scheme that coturn calls `use-auth-secret`. Clients read the user name as a number, so it cannot
    name the account beside the time. The account's second within a period does: it has at most two
    valid user names at once, and coturn's quota counts by user name.

    Args:
        second: number of the account, see `_second_of`.
    """
    if not turn.enable:
        return None
    try:
        secret = Path(turn.secret_file).read_bytes().strip()
    except OSError as error:
        _log.warning("no TURN credentials are given out: %s", logs.kind_of(error))
        return None
    if not secret:
        return None
    earliest_s, period_s = int(now_s) + _LEAST_S, turn.credential_days * DAY_S - _LEAST_S
    expiry = str(earliest_s + (second - earliest_s) % max(period_s, 1))
    digest = hmac.digest(secret, expiry.encode(), hashlib.sha1)
    return f"{host}:{turn.port}:{expiry}:{base64.b64encode(digest).decode('ascii')}"
