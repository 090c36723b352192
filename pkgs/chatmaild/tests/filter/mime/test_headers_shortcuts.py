"""The fast paths for common fields give the result of the full parsers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.filter.mime import author as author_module
from chatmaild.filter.mime import headers
from chatmaild.filter.mime.author import author
from chatmaild.filter.mime.headers import ContentType, Header, content_type

NEVER = re.compile(rb"(?!)")
TYPES = [
    b'multipart/encrypted; protocol="application/pgp-encrypted"; boundary="0123456789abcdef"',
    b'multipart/encrypted; protocol="application/pgp-encrypted";\tboundary="a b"',
    b'multipart/mixed; boundary="=-cut"',
    b'multipart/mixed;boundary="x"',
    b'multipart/mixed; boundary=""',
    b'multipart/mixed; boundary="x"; boundary="y"',
    b'multipart/mixed; boundary="x";',
    b'multipart/mixed; boundary="x" ',
    b'multipart/mixed; boundary="a\\"b"',
    b'multipart/mixed; boundary="a;b"',
    b'Multipart/Mixed; Boundary="x"',
    b'multipart/encrypted; protocol="boundary"; boundary="x"',
]
AUTHORS = [
    b"<a@b>",
    b"<a.b-c_d@chat.example.org>",
    b"<@b>",
    b"<a@>",
    b"<a@b@c>",
    b"<a..b@c>",
    b"<.@.>",
]
# pieces of such fields
WORDS = [
    *(b"multipart/mixed", b"multipart/encrypted", b"text/plain", b";", b" ", b"\t", b"\r\n "),
    *(b"boundary", b"protocol", b"=", b'"', b"\\", b"x", b"0Aa", b"/", b"<", b">", b"@", b"a.b"),
]


@pytest.mark.parametrize("text", TYPES)
def test_content_types_agree(text: bytes) -> None:
    """Common values and near misses."""
    assert content_type([Header(b"Content-Type", b" " + text)]) == _type_by_full_parser(text)


@pytest.mark.parametrize("text", AUTHORS)
def test_authors_agree(text: bytes) -> None:
    """Common values and near misses."""
    assert author(text) == _author_by_full_parser(text)


@given(st.lists(st.sampled_from(WORDS), max_size=12).map(b"".join))
def test_generated_values_agree(text: bytes) -> None:
    """Any sequence of the pieces."""
    header = Header(b"Content-Type", text)
    assert content_type([header]) == _type_by_full_parser(header.text)
    assert author(header.text) == _author_by_full_parser(header.text)


def _type_by_full_parser(text: bytes) -> ContentType | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(headers, "_COMMON_MULTIPART", NEVER)
        return content_type([Header(b"Content-Type", b" " + text)])


def _author_by_full_parser(text: bytes) -> str | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(author_module, "_SINGLE_ADDRESS", NEVER)
        return author(text)
