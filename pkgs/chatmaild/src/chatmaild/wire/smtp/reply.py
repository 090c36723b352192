"""Parse SMTP replies: a code and its text (RFC 5321 section 4.2, RFC 3463)."""

import re
from dataclasses import dataclass
from typing import Final

# RFC 5321 section 4.5.3.1.5: a reply line has at most 512 bytes with code and CRLF
MAX_TEXT_LENGTH: Final = 400

_REPLY: Final = re.compile(r"([2-5][0-5][0-9])(?:[ -](.*))?")
_NOT_PRINTABLE: Final = re.compile(r"[^ -~]+")
# RFC 3463 sections 3.2 and 3.3: the status of one address or of its mailbox
_OF_ONE_RECIPIENT: Final = re.compile(r"[245]\.[12]\.[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The reply of an SMTP server.

    Attributes:
        code: three digits.
        text: what follows the code, in one line of printable ASCII, with an enhanced status code
            at its start where there is one.
    """

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".rstrip()

    @property
    def accepted(self) -> bool:
        """Whether the command, or the message, was accepted."""
        return 200 <= self.code < 400

    @property
    def permanent(self) -> bool:
        """Whether trying again is useless."""
        return self.code >= 500

    @property
    def about_one_recipient(self) -> bool:
        """Whether the refusal may be about one recipient, not about the message."""
        if self.code in (550, 551, 553):
            return not self.text.startswith("5.7.")
        return _OF_ONE_RECIPIENT.match(self.text) is not None


def parse_reply(text: str) -> Reply | None:
    """Return the reply that a text starts with, or None; only its first line counts."""
    line = text.lstrip().partition("\n")[0].rstrip()
    match = _REPLY.fullmatch(line)
    if match is None:
        return None
    words = _NOT_PRINTABLE.sub(" ", match[2] or "").strip()
    return Reply(code=int(match[1]), text=words[:MAX_TEXT_LENGTH])


BUSY: Final = Reply(code=451, text="4.3.2 Too much to do, try again later")
LOCAL_ERROR: Final = Reply(code=451, text="4.3.0 Local error, try again later")
TOO_LARGE: Final = Reply(code=552, text="5.3.4 Message exceeds maximum size")
