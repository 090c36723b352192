"""PGP/MIME as several mail programs write it.

A form lists the differences from the message of RFC 3156 section 4.
"""

from __future__ import annotations

import base64
import email
import email.message
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from chatmail_testkit.mail import messages, openpgp
from chatmail_testkit.people.person import Letter, Person, addresses

_CONTROL = "Content-Type: application/pgp-encrypted"
_DATA = 'Content-Type: application/octet-stream; name="encrypted.asc"'
_DESCRIBED = (
    f"{_CONTROL}\r\nContent-Description: PGP/MIME version identification",
    f"{_DATA}\r\nContent-Description: OpenPGP encrypted message\r\n"
    'Content-Disposition: inline; filename="encrypted.asc"',
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """The form of one program: its header fields, and the text around the armour."""

    headers: Mapping[str, str] = field(default_factory=dict)
    boundary: str = ""
    preamble: str = ""
    parts: tuple[str, str] = (_CONTROL, _DATA)
    armor_headers: str = ""
    blank_line: str = "\r\n"
    before_begin: str = ""
    after_end: str = ""
    is_base64: bool = False  # of the second part; the lines inside end in LF

    def writes(self, sender: Person, recipients: Sequence[Person], text: str) -> bytes:
        """Returns an encrypted message."""
        keys = [person.key.public_key() for person in (sender, *recipients)]
        armor = openpgp.armor(openpgp.encrypt(text.encode(), keys)).decode()
        begin, _, rest = armor.partition("\r\n\r\n")
        data = f"{self.before_begin}{begin}\r\n{self.armor_headers}{self.blank_line}{rest}"
        data = data.removesuffix("\r\n") + f"{self.after_end}\r\n"
        second = self.parts[1]
        if self.is_base64:
            data = base64.encodebytes(data.replace("\r\n", "\n").encode()).decode()
            data, second = (
                data.replace("\n", "\r\n"),
                f"{second}\r\nContent-Transfer-Encoding: base64",
            )
        boundary = f"{self.boundary}{secrets.token_hex(10)}"
        body = (
            f"{self.preamble}--{boundary}\r\n{self.parts[0]}\r\n\r\nVersion: 1\r\n\r\n"
            f"--{boundary}\r\n{second}\r\n\r\n{data}\r\n--{boundary}--\r\n"
        )
        own = messages.envelope_headers(sender.address, addresses(recipients))
        del own["Chat-Version"]
        own["Content-Type"] = (
            f'multipart/encrypted; protocol="application/pgp-encrypted";\r\n boundary="{boundary}"'
        )
        return messages.compose(own | dict(self.headers), body.encode())


def text_of(letter: Letter) -> str:
    """Returns the decrypted text of a message in any of the forms."""
    message: email.message.Message = email.message_from_bytes(letter.raw)
    part = message.get_payload(1)
    assert isinstance(part, email.message.Message)
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return openpgp.decrypt(openpgp.unarmor(data), letter.key).decode()


FORMS = {
    "Thunderbird": Form(
        headers={
            "User-Agent": "Mozilla Thunderbird",
            "Content-Language": "en-US",
            "Subject": "...",
        },
        boundary="------------",
        preamble="This is an OpenPGP/MIME encrypted message (RFC 4880 and 3156)\r\n",
        parts=_DESCRIBED,
    ),
    "Enigmail with GnuPG 1": Form(
        headers={"X-Enigmail-Version": "1.9"},
        preamble="This is an OpenPGP/MIME encrypted message (RFC 2440 and 3156)\r\n",
        parts=_DESCRIBED,
        armor_headers="Version: GnuPG v1.4.20 (GNU/Linux)\r\n"
        "Comment: Using GnuPG with Thunderbird - https://www.enigmail.example/\r\n",
    ),
    "Apple Mail with GPGTools": Form(
        headers={
            "X-Mailer": "Apple Mail (2.3696)",
            "X-Pgp-Agent": "GPGMail",
            "MIME-Version": "1.0 (Mac OS X Mail 16.0 (3696))",
            "Content-Description": "OpenPGP encrypted message",
        },
        boundary="Apple-Mail=_",
        preamble="This is an OpenPGP/MIME encrypted message (RFC 2440 and 3156)\r\n",
        parts=(
            "Content-Transfer-Encoding: 7bit\r\n" + _DESCRIBED[0],
            "Content-Transfer-Encoding: 7bit\r\n" + _DESCRIBED[1],
        ),
        armor_headers="Comment: GPGTools - https://gpgtools.example\r\n",
    ),
    "Mailvelope": Form(
        armor_headers="Version: Mailvelope v6.0.1\r\nComment: https://www.mailvelope.example\r\n",
    ),
    "FlowCrypt": Form(
        armor_headers="Version: FlowCrypt Email Encryption 8.5.13\r\n"
        "Comment: Seamlessly send and receive encrypted email\r\n",
        is_base64=True,
    ),
    "GopenPGP": Form(
        boundary="---------------------",
        armor_headers="Version: GopenPGP 2.7.5\r\nComment: https://gopenpgp.example\r\n",
    ),
    "GopenPGP, in another order": Form(
        armor_headers="comment: https://gopenpgp.example \r\nVERSION: GopenPGP 2.7.5\r\n",
        blank_line=" \t\r\n",
        after_end=" ",
    ),
    "OpenKeychain": Form(armor_headers="Version: OpenKeychain v5.7.1\r\n", boundary="----"),
    "PGP Desktop": Form(
        preamble="This is a multi-part message in MIME format.\r\n\r\n",
        armor_headers="Version: PGP Desktop 9.6.3 (Build 3017)\r\nCharset: utf-8\r\n",
        before_begin="\r\n",
    ),
    "Mutt": Form(
        headers={"Content-Disposition": "inline"},
        parts=(
            _CONTROL + "\r\nContent-Disposition: attachment",
            _DATA + '\r\nContent-Disposition: attachment; filename="msg.asc"',
        ),
    ),
}
# receivers must understand these (RFC 9580 section 6.2.2)
FOREIGN_FORMS = {
    "other armour headers": Form(
        armor_headers="MessageID: abcdefghijklmnopqrstuvwxyz012345\r\nHash: SHA256\r\n"
        "Comment: a sentence of my own\r\nX-New: anything\r\n"
    ),
    "a version alone": Form(armor_headers="Version: SomeMail\r\n"),
    "a note before the parts": Form(preamble="If you can read this, get a better program.\r\n"),
}
