"""Device tokens of an account: `metadata.json`, member `devicetoken`, token -> Unix time.

Other members of the file are preserved. The old format, a list of tokens, reads as set now.
"""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chatmaild.address import Address
from chatmaild.store.files import write_atomically
from chatmaild.store.mailboxes import DAY_S, METADATA, Mailboxes

MEMBER: Final = "devicetoken"
MAX_TOKEN_LENGTH: Final = 4096
# devices of one person, with re-installations; the oldest token is dropped
MAX_TOKENS: Final = 32
# tokens further in the future are invalid: the clock was set back
MAX_AHEAD_S: Final = 60
# clients set their token at every connection; one write a day is enough
REFRESH_S: Final = DAY_S


def is_token(text: str) -> bool:
    """Whether text is a valid device token: 1 to 4096 printable ASCII characters, no space."""
    return 0 < len(text) <= MAX_TOKEN_LENGTH and all("!" <= char <= "~" for char in text)


def read_tokens(content: bytes, now_s: float) -> dict[str, int]:
    """All tokens in the content of a metadata file; damaged content is empty."""
    stored = _members(content).get(MEMBER)
    if isinstance(stored, list):
        return {token: int(now_s) for token in stored if _readable(token)}
    if isinstance(stored, dict):
        pairs = ((token, set_s) for token, set_s in stored.items() if _readable(token))
        return {token: int(set_s) for token, set_s in pairs if isinstance(set_s, int | float)}
    return {}


def valid_tokens(tokens: dict[str, int], now_s: float, valid_days: int) -> list[str]:
    """The tokens that are neither too old nor in the future."""
    oldest_s = now_s - valid_days * DAY_S
    return [t for t, set_s in tokens.items() if oldest_s <= set_s <= now_s + MAX_AHEAD_S]


def merged_document(content: bytes, more: Mapping[str, int]) -> bytes | None:
    """The content of a metadata file with further tokens; None if it has them all."""
    tokens = read_tokens(content, 0)
    if more.keys() <= tokens.keys():
        return None
    merged = {**more, **tokens}
    newest = sorted(merged, key=lambda t: merged[t])[-MAX_TOKENS:]
    return json.dumps(_members(content) | {MEMBER: {t: merged[t] for t in newest}}).encode()


class Tokens:
    """The device tokens of all accounts; thread-safe, for one process."""

    def __init__(self, mailboxes: Mailboxes, valid_days: int) -> None:
        self._mailboxes = mailboxes
        self._valid_days = valid_days
        self._writing = threading.Lock()

    def valid(self, address: Address, *, now_s: float) -> list[str]:
        """The valid tokens of an account; empty if it does not exist."""
        content = _read(self._path(address))
        return valid_tokens(read_tokens(content, now_s), now_s, self._valid_days)

    def add(self, address: Address, token: str, *, now_s: float) -> None:
        """Store a token as set now.

        Raises:
            FileNotFoundError: the account has no directory.
        """
        with self._writing:
            path = self._path(address)
            content = _read(path)
            tokens = read_tokens(content, now_s)
            if 0 <= now_s - tokens.get(token, 0) < REFRESH_S and _is_current_form(content):
                return
            known = {t: tokens[t] for t in valid_tokens(tokens, now_s, self._valid_days)}
            known[token] = int(now_s)
            newest = sorted(known, key=lambda t: known[t])[-MAX_TOKENS:]
            _write(path, content, {t: known[t] for t in newest})

    def remove(self, address: Address, token: str | None, *, now_s: float) -> None:
        """Delete a token, or with None all tokens of the account; unknown tokens are ignored."""
        with self._writing:
            path = self._path(address)
            content = _read(path)
            tokens = read_tokens(content, now_s)
            left = {t: s for t, s in tokens.items() if token not in (t, None)}
            if left != tokens:
                _write(path, content, left)

    def _path(self, address: Address) -> Path:
        return self._mailboxes.path(address) / METADATA


def _readable(token: object) -> bool:
    return isinstance(token, str) and is_token(token)


def _is_current_form(content: bytes) -> bool:
    return isinstance(_members(content).get(MEMBER), dict)


def _members(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""


def _write(path: Path, content: bytes, tokens: dict[str, int]) -> None:
    write_atomically(path, json.dumps(_members(content) | {MEMBER: tokens}).encode())
