"""Encrypted messages with every oddity that the standards allow, generated from a seed.

The first messages of a series have one oddity each, the others up to four.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from chatmail_testkit.mail import messages, openpgp

# around 998 (RFC 5322 section 2.1.1) and Postfix' own 2048, and far beyond both
_LENGTHS = (997, 998, 999, 1100, 2046, 2047, 2048, 2049, 4096, 4097, 20_000)
_BOUNDARY = b"cut-here"
_ENCRYPTED = 'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="cut-here"'
_BLANKS = (b" ", b"\t", b"  ", b" \t ", b"\t\t")
_LETTERS = b"abcdefghijklmnopqrstuvwxyz0123456789"
_MOST_ODDITIES = 4


@dataclass(kw_only=True)
class Draft:
    """A message in pieces; header fields are without their last CRLF."""

    fields: list[bytes]
    control: list[bytes]
    data: list[bytes]
    armour: bytes
    content: bytes
    delimiter_tail: bytes = b""
    ending: bytes = b"\r\n"
    oddities: list[str] = field(default_factory=list)

    def raw(self) -> bytes:
        """The whole message."""
        delimiter = b"--" + _BOUNDARY
        return b"\r\n".join(
            [
                *self.fields,
                b"",
                delimiter + self.delimiter_tail,
                *self.control,
                b"",
                b"Version: 1",
                b"",
                delimiter + self.delimiter_tail,
                *self.data,
                b"",
                self.armour + delimiter + b"--" + self.ending,
            ]
        )

    def adds(self, generator: random.Random, name: bytes, value: bytes) -> None:
        """Adds a field at a random place of the header."""
        self.fields.insert(generator.randint(0, len(self.fields)), name + b":" + value)


Oddity = Callable[[Draft, random.Random], None]


def series(seed: int, sender: str, recipient: str, text: bytes, numbers: range) -> list[Draft]:
    """Returns the messages of these numbers; `text` is the content of the armour."""
    drafts: list[Draft] = []
    names = sorted(_ODDITIES)
    for number in numbers:
        generator = random.Random(f"{seed}/{number}")
        draft = _usual(sender, recipient, f"<odd-{number}@localhost>", text)
        chosen = (
            [names[number]]
            if number < len(names)
            else generator.sample(names, generator.randint(2, _MOST_ODDITIES))
        )
        for name in chosen:
            _ODDITIES[name](draft, generator)
        drafts.append(replace(draft, oddities=chosen))
    return drafts


def _usual(sender: str, recipient: str, message_id: str, text: bytes) -> Draft:
    own = messages.envelope_headers(sender, [recipient])
    own |= {"Message-ID": message_id, "Content-Type": _ENCRYPTED}
    return Draft(
        fields=[f"{name}: {value}".encode() for name, value in own.items()],
        control=[b"Content-Type: application/pgp-encrypted"],
        data=[b"Content-Type: application/octet-stream"],
        armour=openpgp.armor(text),
        content=text,
    )


def _word(generator: random.Random, length: int) -> bytes:
    return bytes(generator.choices(_LETTERS, k=length))


def _cut(text: bytes, width: int) -> list[bytes]:
    return [text[at : at + width] for at in range(0, len(text), width)]


def _long(draft: Draft, generator: random.Random) -> None:
    draft.adds(generator, b"In-Reply-To", b" <" + _word(generator, generator.choice(_LENGTHS)))


def _long_references(draft: Draft, generator: random.Random) -> None:
    count = generator.choice(_LENGTHS) // 40
    ids = [b"<" + _word(generator, 37) + b">" for _ in range(count)]
    draft.adds(generator, b"References", b" " + b" ".join(ids))


def _folded(draft: Draft, generator: random.Random) -> None:
    pieces = [_word(generator, generator.randint(0, 90)) for _ in range(generator.randint(2, 30))]
    value = b"".join(
        b"\r\n" + generator.choice(_BLANKS) + p + generator.choice((b"", *_BLANKS)) for p in pieces
    )
    draft.adds(generator, b"References", b" <first@localhost>" + value + b"x")


def _blank_line_in_a_fold(draft: Draft, generator: random.Random) -> None:
    blank = b"\r\n" + generator.choice(_BLANKS)
    draft.adds(generator, b"References", b" <a@localhost>" + blank + b"\r\n <b@localhost>")


def _blank_line_ends_a_field(draft: Draft, generator: random.Random) -> None:
    draft.adds(generator, b"References", b" <a@localhost>\r\n" + generator.choice(_BLANKS))


def _blanks_around_values(draft: Draft, generator: random.Random) -> None:
    draft.adds(generator, b"References", b"<a@localhost>" + generator.choice(_BLANKS))
    draft.adds(generator, b"Keywords", generator.choice(_BLANKS) + b"a")


def _empty_values(draft: Draft, generator: random.Random) -> None:
    draft.adds(generator, b"References", generator.choice((b"", b" ", b"\t")))
    draft.adds(generator, b"In-Reply-To", b"\r\n <a@localhost>")


def _blank_before_the_colon(draft: Draft, generator: random.Random) -> None:
    draft.adds(generator, b"Keywords" + generator.choice(_BLANKS), b" obsolete syntax")


def _odd_case(draft: Draft, generator: random.Random) -> None:
    line = generator.randrange(len(draft.fields))
    name, colon, value = draft.fields[line].partition(b":")
    draft.fields[line] = name.swapcase() + colon + value


def _eight_bits(draft: Draft, generator: random.Random) -> None:
    text = " Grüße, 你好 👋" * generator.choice((1, 30, 200))
    draft.adds(generator, b"Keywords", text.encode())
    draft.adds(generator, b"Keywords", b" Latin-1: Gr\xfc\xdfe \xff\xfe\x80")
    draft.adds(generator, b"Chat-Group-Name", text.encode())


def _control_characters(draft: Draft, generator: random.Random) -> None:
    draft.adds(generator, b"Keywords", b" \x01\x07\x0b\x0c\x1b\x7f x")


def _bare_returns(draft: Draft, generator: random.Random) -> None:
    draft.adds(generator, b"Keywords", b" a\rb\r c\r")


def _macros(draft: Draft, generator: random.Random) -> None:
    draft.adds(generator, b"Keywords", b" %s %n %100d {x} $y ${z} \\r\\n")


def _many_fields(draft: Draft, generator: random.Random) -> None:
    for number in range(generator.choice((20, 150))):
        draft.adds(generator, b"Keywords", b" %d" % number)


def _a_dot_begins_a_field(draft: Draft, generator: random.Random) -> None:
    draft.adds(generator, generator.choice((b".", b"..", b".Dots")), b" at the start of a line")


def _fields_that_are_removed(draft: Draft, generator: random.Random) -> None:
    names = (b"Received", b"X-Mailer", b"user-agent", b"X-Originating-IP", b"RECEIVED")
    for _ in range(generator.randint(1, 12)):
        draft.adds(generator, generator.choice(names), b" by somebody;\r\n\tsomewhere")


def _fields_that_postfix_drops(draft: Draft, generator: random.Random) -> None:
    for name in (b"Bcc", b"Return-Path", b"Content-Length", b"Resent-Bcc"):
        draft.adds(generator, name, b" <x@elsewhere.test>")


def _signed_before(draft: Draft, generator: random.Random) -> None:
    value = b" v=1; a=rsa-sha256; d=elsewhere.test; s=x; h=from; bh=AAAA; b=AAAA"
    draft.adds(generator, b"DKIM-Signature", value)
    draft.adds(generator, b"Authentication-Results", b" elsewhere.test; dkim=pass")


def _subject(draft: Draft, generator: random.Random) -> None:
    draft.fields = [line for line in draft.fields if not line.startswith(b"Subject")]
    value = generator.choice((b"", b" a\r\n b", b" " + _word(generator, 3000), " 你".encode()))
    for _ in range(generator.choice((0, 1, 1, 3))):
        draft.adds(generator, b"Subject", value)


def _long_to(draft: Draft, generator: random.Random) -> None:
    fold = generator.choice((b", ", b",\r\n\t", b" ,"))
    people = [b"<" + _word(generator, 12) + b"@localhost>" for _ in range(150)]
    draft.adds(generator, b"Cc", b" " + fold.join(people))


def _long_part_header(draft: Draft, generator: random.Random) -> None:
    line = b'; name="' + _word(generator, generator.choice(_LENGTHS)) + b'"'
    draft.data[0] += generator.choice((b"", b";\r\n\tx=y", b"; x=y"))
    draft.data[0] += line


def _part_header_fields(draft: Draft, generator: random.Random) -> None:
    extra = [
        b"Content-Description: " + _word(generator, generator.choice(_LENGTHS)),
        b"Content-Description:\r\n\t folded \t",
        "Content-Description: Grüße 👋".encode(),
        b'Content-Disposition: inline;\r\n filename="a"',
        b"Content-ID:",
        b".: dot",
    ]
    for part in (draft.control, draft.data):
        part += generator.sample(extra, generator.randint(1, 3))


def _armour_width(draft: Draft, generator: random.Random) -> None:
    text = base64.b64encode(draft.content)
    width = generator.choice((*_LENGTHS, 4, 60, 64, 100, len(text)))
    head, _, _ = draft.armour.partition(b"\r\n")
    draft.armour = b"\r\n".join(
        [head, b"", *_cut(text, width), head.replace(b"BEGIN", b"END"), b""]
    )


def _encoded_again(draft: Draft, generator: random.Random) -> None:
    width = generator.choice((*_LENGTHS, 76))
    if generator.random() < 0.5:
        text = base64.b64encode(draft.armour)
        encoding = b"base64"
    else:
        text = draft.armour.replace(b"=", b"=3D").replace(b"\r\n", b"=0D=0A")
        encoding = b"quoted-printable"
    end = b"\r\n" if encoding == b"base64" else b"=\r\n"
    draft.armour = end.join(_cut(text, width)) + b"\r\n"
    draft.data.append(b"Content-Transfer-Encoding: " + encoding)


def _named_encodings(draft: Draft, generator: random.Random) -> None:
    for part in (draft.control, draft.data):
        part.append(b"Content-Transfer-Encoding: " + generator.choice((b"7bit", b"BINARY\t")))


def _no_line_end_at_the_end(draft: Draft, generator: random.Random) -> None:
    draft.ending = generator.choice((b"", b" ", b"\t"))


def _blanks_at_the_end(draft: Draft, generator: random.Random) -> None:
    draft.ending = generator.choice((b"\r\n" * 50, b"\r\n \t\r\n", b"\r\n \r\n\r\n", b"\r\n\t"))


def _dots_at_the_end(draft: Draft, generator: random.Random) -> None:
    draft.ending = b"\r\n" + generator.choice((b".\r\n", b"..\r\n", b".\r\n.\r\n", b".x\r\n"))


def _returns_before_line_ends(draft: Draft, generator: random.Random) -> None:
    draft.armour = draft.armour.replace(b"\r\n", b"\r\r\n", generator.randint(1, 3))


def _blanks_behind_delimiters(draft: Draft, generator: random.Random) -> None:
    draft.delimiter_tail = generator.choice(_BLANKS)


def _empty_lines_around_the_armour(draft: Draft, generator: random.Random) -> None:
    draft.armour = generator.choice((b"", b"\r\n")) + draft.armour + b"\r\n" * 3


def _large(draft: Draft, generator: random.Random) -> None:
    draft.content = openpgp.packet(openpgp.SEIPD, b"\x01" + generator.randbytes(200_000))
    draft.armour = openpgp.armor(draft.content)


_ODDITIES: dict[str, Oddity] = {
    name.removeprefix("_"): value
    for name, value in list(globals().items())
    if callable(value)
    and getattr(value, "__annotations__", {}).keys() == {"draft", "generator", "return"}
}


def split(raw: bytes) -> tuple[list[bytes], bytes]:
    """Returns header fields, folds included, and body of a message."""
    header, _, body = raw.partition(b"\r\n\r\n")
    fields: list[bytes] = []
    for line in header.split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1] += b"\r\n" + line
        else:
            fields.append(line)
    return fields, body
