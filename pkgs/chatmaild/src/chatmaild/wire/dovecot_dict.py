"""Read and write lines of Dovecot's dict protocol: a command character, fields by TAB, LF.

TAB, LF, CR, NUL and the escape character itself are written as 0x01 and a character.
"""

import re
from dataclasses import dataclass
from typing import Final

from chatmaild.errors import ProtocolError

# what Dovecot itself accepts
MAX_LINE_BYTES: Final = 65536

_ESCAPES: Final = {"\x01": "1", "\t": "t", "\n": "n", "\r": "r", "\0": "0"}
_UNESCAPES: Final = {code: char for char, code in _ESCAPES.items()}


def escape(text: str) -> str:
    """Escape the five special characters."""
    return re.sub("[\x01\t\n\r\0]", lambda found: "\x01" + _ESCAPES[found[0]], text)


def unescape(text: str) -> str:
    """Return the text that was escaped.

    Raises:
        ProtocolError: an escape that does not exist.
    """
    if "\x01" not in text:
        return text
    head, *tail = text.split("\x01")
    result = [head]
    escaped = iter(tail)
    for piece in escaped:
        if not piece or piece[0] not in _UNESCAPES:
            raise ProtocolError("unknown escape in a dict line")
        result.append(_UNESCAPES[piece[0]] + piece[1:])
    return "".join(result)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command such as `L` with its fields, unescaped."""

    code: str
    fields: tuple[str, ...]

    def field(self, index: int) -> str:
        """Return a field; a missing one is empty, as a value may be."""
        return self.fields[index] if index < len(self.fields) else ""


def parse_line(line: bytes) -> Command | None:
    """Parse a line with its LF; None for an empty one, which ends a connection.

    Raises:
        ProtocolError: the line is no UTF-8, or has a bad escape.
    """
    try:
        text = line.rstrip(b"\n").decode()
    except UnicodeDecodeError as error:
        raise ProtocolError("a dict line is UTF-8") from error
    if not text:
        return None
    return Command(code=text[0], fields=tuple(unescape(part) for part in text[1:].split("\t")))
