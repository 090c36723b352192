"""A second, strict reading of rule E1, written without looking at the first.

It works on the whole body at once and decodes everything; it is slow and short. Whatever it
refuses, the filter has to refuse.
"""

import base64
import binascii
import re

BLANK = re.compile(rb"[ \t\r\n]*")
ARMOUR = re.compile(
    rb"-----BEGIN PGP MESSAGE-----\r\n(Version: [^\r\n]*\r\n)?((?:[A-Za-z0-9+/]|\r|\n)*?)"
    rb"(={0,2})(?:\r\n)*(?:(?:(?<=\n)=[A-Za-z0-9+/]{4})(?:\r\n)+)?(?<=\n)"
    rb"-----END PGP MESSAGE-----(?:\r\n)*"
)


def is_encrypted(body: bytes, boundary: bytes, *, strict: bool) -> bool:
    """Whether a body below ``multipart/encrypted`` is an encrypted message and nothing else."""
    lines = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if len(lines) != 4:
        return False
    before, control, data, after = lines
    ends = [re.match(rb"[ \t]*\r\n", text) for text in (control, data)]
    close = re.fullmatch(rb"--[ \t]*(\r\n.*)?", after, re.DOTALL)
    if close is None or None in ends:
        return False
    if strict and not (BLANK.fullmatch(before) and BLANK.fullmatch(close[1] or b"")):
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


def _split(part: bytes) -> tuple[bytes, bytes] | None:
    """Media type in lower case, and decoded content."""
    header, empty, content = part.partition(b"\r\n\r\n")
    fields: dict[bytes, bytes] = {}
    for line in re.split(rb"\r\n(?![ \t])", header)[1:]:
        name, colon, value = line.partition(b":")
        if not colon or (name.lower() in fields and name.lower().startswith(b"content-t")):
            return None
        fields[name.lower()] = value.strip().lower()
    if not empty:
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


def _is_armoured(text: bytes, *, strict: bool) -> bool:
    match = ARMOUR.fullmatch(text)
    if match is None or (strict and match[1]):
        return False
    try:
        octets = base64.b64decode(re.sub(rb"\s", b"", match[2]) + match[3], validate=True)
    except binascii.Error:
        return False
    return is_message(octets)


def is_message(octets: bytes) -> bool:
    """Whether octets are session keys, then one packet of encrypted data, and nothing else."""
    while octets:
        found = _packet(octets)
        if found is None:
            return False
        kind, octets = found
        if kind == 18:
            return octets == b""
        if kind not in (1, 3):
            return False
    return False


def _packet(octets: bytes) -> tuple[int, bytes] | None:
    """Type of the first packet, and what follows it."""
    tag, rest = octets[0], octets[1:]
    if tag >> 6 == 2:
        if tag & 3 == 3:
            return None
        return _skip(tag >> 2 & 15, rest, 1 << (tag & 3))
    if tag >> 6 != 3:
        return None
    kind = tag & 63
    while rest and 224 <= rest[0] < 255:
        size = 1 << (rest[0] & 31)
        rest = rest[1:]
        if kind != 18 or len(rest) < size:
            return None
        rest = rest[size:]
    if not rest:
        return None
    if rest[0] == 255:
        return _skip(kind, rest[1:], 4)
    if rest[0] >= 192:
        if len(rest) < 2:
            return None
        size = (rest[0] - 192) * 256 + rest[1] + 192
        return None if len(rest) < 2 + size else (kind, rest[2 + size :])
    return None if len(rest) < 1 + rest[0] else (kind, rest[1 + rest[0] :])


def _skip(kind: int, octets: bytes, width: int) -> tuple[int, bytes] | None:
    """Past a length of that width and the content it announces."""
    size = int.from_bytes(octets[:width], "big")
    if len(octets) < width + size:
        return None
    return kind, octets[width + size :]
