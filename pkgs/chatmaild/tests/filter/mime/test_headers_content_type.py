"""The field that decides what a message is: read strictly, and in one pass over it."""

import pytest

from chatmaild.filter.mime.headers import ContentType, Header, content_type, parse_block

from ...timing import seconds

REPORT = b"multipart/report"


def read(value: bytes) -> ContentType | None:
    """What a field says."""
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
    """In any order and case, quoted or not."""
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
def test_what_readers_could_understand_differently_is_malformed(value: bytes) -> None:
    """One program would see one kind of message, another program another one."""
    assert read(b" " + value) is None


@pytest.mark.parametrize(
    "piece", [b";", b"; a=b", b'; a="b"', b'; a="', b" ", b"; ", b";\t", b"\\", b"a", b"=", b'"']
)
@pytest.mark.parametrize(
    "start", [b"", b"text/plain", b"text/plain; ", b'text/plain; a="', b"multipart/x;boundary="]
)
def test_ten_times_the_text_takes_ten_times_the_time(start: bytes, piece: bytes) -> None:
    """No field makes the scanner go over it again and again; one of a megabyte takes no time."""
    short, long, huge = ((start + piece * size)[:size] for size in (1600, 16_000, 1 << 20))

    assert seconds(lambda: read(long)) <= 20 * seconds(lambda: read(short)) + 0.001
    assert seconds(lambda: read(huge)) < 0.05


@pytest.mark.parametrize("piece", [b"\r\n", b"a:\r\n", b"a: b\r\n\t", b"\r", b" ", b":", b"\r\n "])
def test_headers_of_parts_take_time_in_proportion(piece: bytes) -> None:
    """Well-formed or not."""
    short, long = (b"a: b\r\n" + (piece * size)[:size] for size in (3200, 32_000))

    assert seconds(lambda: parse_block(long)) <= 20 * seconds(lambda: parse_block(short)) + 0.001
