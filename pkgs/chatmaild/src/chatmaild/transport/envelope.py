"""The SMTP envelope: reverse-path and forward-paths (RFC 5321 section 2.3.1)."""

import re
from dataclasses import dataclass

# greedy up to the last angle bracket: a quoted local part may hold one
_PATH = re.compile(r"<(?P<address>.*)>(?: +(?P<parameters>[^<>]*))?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Sender and recipients, as written between the angle brackets of MAIL and RCPT.

    Attributes:
        sender: empty for the null sender.
        recipients: at least one.
    """

    sender: str
    recipients: tuple[str, ...]

    @property
    def needs_smtputf8(self) -> bool:
        """Whether an address is not ASCII (RFC 6531 section 3.4)."""
        return not all(address.isascii() for address in (self.sender, *self.recipients))


def parse_path(text: str) -> str | None:
    """Return the address of `<address> parameters`, or None if it is not a path."""
    match = _PATH.fullmatch(text.strip(" "))
    return match["address"] if match and clean(match["address"]) else None


def clean(address: str) -> bool:
    """Whether an address has no control character and no broken UTF-8."""
    return _CONTROL.search(address) is None and not any("\ud800" <= c <= "\udfff" for c in address)
