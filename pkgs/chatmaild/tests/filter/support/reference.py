"""Reference implementation of rule E1: strict, slow and short.

It was written independently of the filter and decodes the whole body at once. The filter must
refuse every body that it refuses.
"""

import base64
import binascii
import re

from . import reference_packets

is_message = reference_packets.is_message

EOL = rb"[ \t]*\r?\n"
ARMOUR = re.compile(
    rb"(?:" + EOL + rb")*-----BEGIN PGP MESSAGE-----" + EOL
    + rb"(?P<headers>(?:[^\n]*:[^\n]*\n){0,16})(?:" + EOL + rb")?"
    rb"(?P<data>(?:[A-Za-z0-9+/]|\r|\n)*?)"
    rb"(?P<padding>={0,2})(?:" + EOL + rb")*(?:(?:(?<=\n)=[A-Za-z0-9+/]{4})(?:" + EOL + rb")+)?"
    rb"(?<=\n)-----END PGP MESSAGE-----(?:" + EOL + rb")*[ \t]*"
)  # fmt: skip
SENTENCES = {
    b"This is an OpenPGP/MIME encrypted message (RFC # and #)",
    b"This is an OpenPGP/MIME encrypted message (RFC #)",
    b"This is an OpenPGP/MIME signed message (RFC # and #)",
    b"This is an OpenPGP/MIME signed message (RFC #)",
    b"This is a multi-part message in MIME format",
    b"This is a multipart message in MIME format",
    b"This is a cryptographically signed message in MIME format",
    b"This is a cryptographically encrypted message in MIME format",
    b"This is a MIME-encapsulated message",
    b"This message is in MIME format",
}
# sentences that continue one of the above, or are two sentences
LONG_SENTENCES = (
    b". Your mail reader does not understand MIME message format",
    b"If you see this text it means that your ",
)


def is_encrypted(body: bytes, boundary: bytes, *, strict: bool) -> bool:
    """Whether the body of a `multipart/encrypted` is an encrypted message and nothing else."""
    lines = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(lines) != 4:
        return False
    before, control, data, after = lines
    ends = [re.match(rb"[ \t]*\r\n", text) for text in (control, data)]
    close = re.fullmatch(rb"--[ \t]*(\r\n.*)?", after, re.DOTALL)
    if close is None or None in ends:
        return False
    if strict and not (_is_known(before) and _is_known(close[1] or b"")):
        return False
    first, second = _split(control), _split(data)
    return (
        first is not None
        and second is not None
        and first[0] == b"application/pgp-encrypted"
        and second[0] == b"application/octet-stream"
        and first[1].strip() == b"Version: 1"
        and _is_armoured(second[1], strict=strict)
    )


def parts(body: bytes, boundary: bytes) -> list[tuple[bytes, bytes]] | None:
    """Header and content of each part of a body; None if it is malformed."""
    _, *rest = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if not rest or not re.match(rb"--[ \t]*(\r\n|\Z)", rest[-1]):
        return None
    found = []
    for part in rest[:-1]:
        header, empty, content = part.lstrip(b" \t").partition(b"\r\n\r\n")
        if not empty or not (header == b"" or header.startswith(b"\r\n")):
            return None
        found.append((header[2:], content))
    return found


def is_join(body: bytes, boundary: bytes, step: bytes) -> bool:
    """Whether a body is one part with a step of a secure join and nothing else."""
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(pieces) != 3 or not _is_known(pieces[0]) or not _is_known(pieces[2][2:]):
        return False
    header = pieces[1].lstrip(b" \t").partition(b"\r\n\r\n")[0]
    if len(header) > 202 or re.search(rb"\n(?!content-|[ \t])", header, re.IGNORECASE):
        return False
    only = _split(pieces[1])
    expected = b"secure-join: " + step
    return only is not None and only[0] == b"text/plain" and only[1].strip().lower() == expected


def _split(part: bytes) -> tuple[bytes, bytes] | None:
    """Media type in lower case and decoded content of a part; None if it is malformed."""
    header, empty, content = part.partition(b"\r\n\r\n")
    fields: dict[bytes, bytes] = {}
    for line in re.split(rb"\r\n(?![ \t])", header)[1:]:
        name, colon, value = line.partition(b":")
        if not colon or (name.lower() in fields and name.lower().startswith(b"content-t")):
            return None
        fields[name.lower()] = value.strip().lower()
    if not empty or b"\0" in header:
        return None
    kind = fields.get(b"content-type", b"text/plain").split(b";")[0].strip()
    encoding = fields.get(b"content-transfer-encoding", b"7bit")
    try:
        if encoding == b"base64":
            text = content.replace(b"\r", b"").replace(b"\n", b"")
            return kind, base64.b64decode(text, validate=True)
        if encoding == b"quoted-printable":
            return kind, binascii.a2b_qp(content)
    except binascii.Error:
        return None
    return (kind, content) if encoding in (b"7bit", b"8bit", b"binary") else None


def _is_known(text: bytes) -> bool:
    """Whether a preamble or epilogue is empty or a known sentence."""
    folded = b" ".join(re.split(rb"[ \t\r\n]+", text)).strip(b" ")
    if any(sentence in folded for sentence in LONG_SENTENCES):
        return len(folded) < 200
    return folded == b"" or re.sub(rb"[0-9]{4}", b"#", folded).rstrip(b".") in SENTENCES


def _is_armoured(text: bytes, *, strict: bool) -> bool:
    match = ARMOUR.fullmatch(text)
    if match is None or match.start("data") > 2048:
        return False
    headers = match["headers"].replace(b"\r\n", b"\n").split(b"\n")[:-1]
    if b"\r" in b"".join(headers) or b"\0" in b"".join(headers):
        return False
    if not all(re.match(rb"[A-Za-z][A-Za-z0-9-]*:([ \t]|$)", line) for line in headers):
        return False
    if strict and not (len(headers) < 5 and all(map(_is_of_a_program, headers))):
        return False
    try:
        data = re.sub(rb"\s", b"", match["data"]) + match["padding"]
        data = base64.b64decode(data, validate=True)
    except binascii.Error:
        return False
    return is_message(data)


def _is_of_a_program(header: bytes) -> bool:
    """Whether an armour header looks like that of a program; looser than the filter."""
    key, value = header.decode("latin-1").split(":", 1)
    words = value.lower().split()
    if len(value) > 160 or len(words) > 15 or not value.isascii():
        return False
    if key.lower() == "version":
        names = {"protonmail", "pgpainless", "objectivepgp"}
        return any(char.isdigit() for char in value) or set(words) <= names
    if key.lower() == "comment":
        is_known = "seamlessly" in words or "using" in words
        return is_known or any("://" in word and "." in word for word in words)
    return key.lower() == "charset" and len(words) == 1
