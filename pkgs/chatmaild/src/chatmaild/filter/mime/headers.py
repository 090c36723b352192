"""Header fields as bytes (RFC 5322); no message tree is built, because that costs most time."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_PARAMETER: Final = re.compile(
    rb"[ \t]*;[ \t]*"
    rb"(?:(?P<name>[!#-'*+\-.0-9A-Z^-~]+)[ \t]*=[ \t]*"
    rb'(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^\s;"()]+)))?'
)
# the form that chat clients write; no cache, because each message has its own boundary
_COMMON_MULTIPART: Final = re.compile(
    rb'(multipart/[a-z]+);(?:[ \t]*protocol="[a-z/-]+";)?[ \t]*boundary="([!#-\[\]-~]+)"'
)
_MEDIA_TYPE: Final = re.compile(rb"[ \t]*([!#-'*+\-.0-9A-Z^-~]+/[!#-'*+\-.0-9A-Z^-~]+)[ \t]*")
_FOLD: Final = re.compile(rb"\r?\n")
_NAME: Final = bytes(range(33, 127))  # bytes allowed in a field name (RFC 5322 section 2.2)
# Bytes of one field, folds as LF. Postfix (`cleanup_message.c`) silently drops lines of up to
# 2048 bytes beyond 60,000 bytes of a field; `header_size_limit` can only lower that.
_FIELD_LIMIT: Final = 57_000
# Bytes of one Content-Type. File names in RFC 2231 form take up to 3 KB.
_CONTENT_TYPE_LIMIT: Final = 16_384
# Parameters that select the parser of a body. Readers disagree on duplicates and RFC 2231 forms.
_DECISIVE: Final = (b"boundary", b"report-type")


class Header(NamedTuple):
    """One header field (RFC 5322 section 2.2).

    `value` is everything after the colon, with the leading space and folds (as CRLF), but without
    the final CRLF.
    """

    name: bytes
    value: bytes

    @property
    def text(self) -> bytes:
        """The unfolded value without surrounding whitespace."""
        unfolded = _FOLD.sub(b"", self.value) if b"\n" in self.value else self.value
        return unfolded.strip(b" \t")


def may_be_truncated(header: Header) -> bool:
    """Whether the field is so long that Postfix may have dropped lines of it."""
    size_bytes = len(header.name) + 1 + len(header.value)
    return size_bytes >= _FIELD_LIMIT and size_bytes - header.value.count(b"\r\n") >= _FIELD_LIMIT


class ContentType(NamedTuple):
    """Media type in lower case, and two parameters (RFC 2045 section 5.1).

    `boundary` is for multiparts (RFC 2046), `report_type` for reports (RFC 6522), in lower case.
    """

    media_type: bytes
    boundary: bytes | None = None
    report_type: bytes | None = None

    @property
    def is_multipart(self) -> bool:
        """Whether the body consists of parts."""
        return self.media_type.startswith(b"multipart/")


PLAIN_TEXT: Final = ContentType(media_type=b"text/plain")


def named(headers: list[Header], name: bytes) -> list[Header]:
    """All fields with that name (given in lower case), in the order of the header."""
    return [header for header in headers if header.name.lower() == name]


def only_text(headers: list[Header], name: bytes) -> bytes | None:
    """The text of the only field with that name; None if there is none or more than one."""
    found = named(headers, name)
    return found[0].text if len(found) == 1 else None


def content_type(headers: list[Header]) -> ContentType | None:
    """The Content-Type of a message or part; None if it is malformed or given twice.

    Without the field it is `text/plain` (RFC 2045 section 5.2).
    """
    found = named(headers, b"content-type")
    if not found:
        return PLAIN_TEXT
    if len(found) > 1:
        return None
    text = found[0].text
    usual = _COMMON_MULTIPART.fullmatch(text)
    if usual is not None:
        return ContentType(media_type=usual[1], boundary=usual[2])
    return _parse_content_type(text)


def _parse_content_type(text: bytes) -> ContentType | None:
    match = _MEDIA_TYPE.match(text)
    if match is None or len(text) > _CONTENT_TYPE_LIMIT:
        return None
    position, end = match.end(), len(text)  # the text has no trailing whitespace
    decisive: dict[bytes, bytes] = {}
    while position < end:
        parameter = _PARAMETER.match(text, position)
        if parameter is None:
            return None
        position = parameter.end()
        name = (parameter["name"] or b"").lower()
        if name.startswith(_DECISIVE):
            if name in decisive or name not in _DECISIVE:
                return None
            decisive[name] = _value_of(parameter)
    report_type = decisive.get(b"report-type")
    return ContentType(
        media_type=match[1].lower(),
        boundary=decisive.get(b"boundary"),
        report_type=None if report_type is None else report_type.lower(),
    )


def _value_of(parameter: re.Match[bytes]) -> bytes:
    quoted: bytes | None = parameter["quoted"]
    return parameter["token"] if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted)


def parse_block(block: bytes) -> list[Header] | None:
    """The header fields of a MIME part; `block` ends before the empty line.

    None if a line is neither a field nor a continuation line, or has a bare CR or LF.
    """
    headers: list[Header] = []
    for field in re.split(rb"\r\n(?![ \t])", block) if block else []:
        name, colon, value = field.partition(b":")
        bare = value.replace(b"\r\n", b"")
        if not colon or not name.strip() or not _is_name(name) or b"\r" in bare or b"\n" in bare:
            return None
        headers.append(Header(name, value))
    return headers


def _is_name(name: bytes) -> bool:
    return not name.translate(None, _NAME)
