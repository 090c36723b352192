"""A short text of the operator for all people of the relay.

    OPERATOR/notice.json   {"text": TEXT}

Clients read it after each login, as IMAP METADATA `/shared/comment` (RFC 5464 section 6.2.1).
"""

from pathlib import Path
from typing import Any, Final

from chatmaild.errors import DecisionError, NoticeError
from chatmaild.settings import Settings
from chatmaild.store.decisions import document

NAME: Final = "notice.json"
# a line of Dovecot's auth protocol has at most 8192 bytes, and a character up to 4
MAX_LENGTH: Final = 500


def parse(text: str) -> str:
    """The text, without white space around it.

    Raises:
        NoticeError: it is empty or too long, or has characters that clients do not show.
    """
    text = text.strip()
    if not text:
        raise NoticeError("a notice has at least one character")
    if len(text) > MAX_LENGTH:
        raise NoticeError(f"a notice has at most {MAX_LENGTH} characters, and this has {len(text)}")
    if not text.isprintable():
        raise NoticeError("a notice is one line of printable characters")
    return text


def _of_json(content: Any) -> str:
    text = content.get("text") if isinstance(content, dict) else None
    if not isinstance(text, str):
        raise ValueError("must be an object with a text")  # noqa: TRY004
    return parse(text)


class Notice:
    """The notice; a change of the file counts from the next login."""

    def __init__(self, settings: Settings) -> None:
        self._file = document.Document(file_of(settings), _of_json, "")

    def current(self) -> str:
        """The text; empty without one, or if it cannot be read: logins go on."""
        try:
            return self._file.current()
        except DecisionError:  # is logged there
            return ""


def file_of(settings: Settings) -> Path:
    """The file of the notice."""
    return Path(settings.directories.operator) / NAME


def stored(settings: Settings) -> str:
    """The text; empty without one.

    Raises:
        DecisionError: it cannot be read.
    """
    return document.Document(file_of(settings), _of_json, "").current()


def set_text(settings: Settings, text: str) -> None:
    """Replace the notice.

    Raises:
        NoticeError: see `parse`.
        OSError: it cannot be written.
    """
    document.write(file_of(settings), {"text": parse(text)})


def clear(settings: Settings) -> bool:
    """Remove the notice; False if there was none."""
    try:
        file_of(settings).unlink()
    except FileNotFoundError:
        return False
    return True
