"""Content-Type: parsed strictly and in one pass."""

import pytest

from chatmaild.filter.mime.headers import ContentType, Header, content_type, parse_block

from ...timing import seconds

REPORT = b"multipart/report"


def read(value: bytes) -> ContentType | None:
    """Parse a field value."""
    return content_type([Header(b"Content-Type", value)])


@pytest.mark.parametrize(
    ("value", "boundary", "report_type"),
    [
        (b"multipart/report; report-type=delivery-status; boundary=x", b"x", b"delivery-status"),
        (b'multipart/report;\r\n boundary="x";;; Report-Type="Delivery-Status" ;', b"x",
         b"delivery-status"),
        (b"multipart/report; boundary=x", b"x", None),
        (b"multipart/report; boundary=x; name*0=a; name*1=b ", b"x", None),
        (b'multipart/report; name="\\"; boundary=y"; boundary=x', b"x", None),
    ],
)  # fmt: skip
def test_parameters_are_found(
    value: bytes, boundary: bytes | None, report_type: bytes | None
) -> None:
    """In any order and case, with or without quotes."""
    assert ContentType(REPORT, boundary, report_type) == read(b" " + value)


@pytest.mark.parametrize(
    "value",
    [
        b"multipart",
        b"multipart/report boundary=x",
        b"multipart/report; charset; boundary=x",
        b"multipart/report; boundary=x; boundary=x",
        b"multipart/report; boundary*0=x; boundary*1=y",
        b"multipart/report; report-type=delivery-status; report-type=delivery-status",
        b"multipart/report; report-type*=utf-8''delivery-status",
        b'multipart/report; boundary="x',
        b"multipart/report; name=" + b"x" * 17_000,
        b"multipart/report" + b";" * 17_000,
    ],
)
def test_ambiguous_values_are_malformed(value: bytes) -> None:
    """Mail readers would see different kinds of messages."""
    assert read(b" " + value) is None


@pytest.mark.parametrize(
    "piece", [b";", b"; a=b", b'; a="b"', b'; a="', b" ", b"; ", b";\t", b"\\", b"a", b"=", b'"']
)
@pytest.mark.parametrize(
    "start", [b"", b"text/plain", b"text/plain; ", b'text/plain; a="', b"multipart/x;boundary="]
)
def test_the_time_is_proportional_to_the_length(start: bytes, piece: bytes) -> None:
    """No field makes the parser read it several times; one of a megabyte takes no time."""
    short, long, huge = ((start + piece * size)[:size] for size in (1600, 16_000, 1 << 20))

    assert seconds(lambda: read(long)) <= 20 * seconds(lambda: read(short)) + 0.001
    assert seconds(lambda: read(huge)) < 0.05


@pytest.mark.parametrize("piece", [b"\r\n", b"a:\r\n", b"a: b\r\n\t", b"\r", b" ", b":", b"\r\n "])
def test_the_time_for_part_headers_is_proportional_to_the_length(piece: bytes) -> None:
    """For well-formed and malformed headers."""
    short, long = (b"a: b\r\n" + (piece * size)[:size] for size in (3200, 32_000))

    assert seconds(lambda: parse_block(long)) <= 20 * seconds(lambda: parse_block(short)) + 0.001
