"""Rule I5: which reports pass, and their new body."""

import email
import email.message

import pytest

from chatmaild.filter.mime.report import LIMIT_BYTES, ReportReader

from ...timing import seconds
from . import reports
from .reports import EXPLAINED, FAILED, FIELDS, FORMS, MESSAGE, RETURNED, STATUS, TEXT, Form

SIMPLE: Form = (b"multipart/report; report-type=delivery-status; boundary==-cut", [])
GOOD = [(TEXT, EXPLAINED), (STATUS, FAILED), (MESSAGE, RETURNED)]


def read(body: bytes, *, form: Form = SIMPLE, step: int = 65_535) -> bytes | None:
    """The new body of a report that arrives in pieces; None if it is no report."""
    reader = ReportReader.of(reports.header(form))
    if reader is None:
        return None
    for at in range(0, len(body), step):
        reader.feed(body[at : at + step])
    return reader.finish()


def seen(form: Form, body: bytes) -> email.message.Message:
    """The message as Python's email package parses it."""
    return email.message_from_bytes(b"Content-Type: " + form[0] + b"\r\n\r\n" + body)


@pytest.mark.parametrize("name", FORMS)
def test_reports_of_known_mtas_pass(name: str) -> None:
    """With all parts except the body of the returned message."""
    form = FORMS[name]
    body = read(reports.body(*form[1], before=b"This is a MIME message.\r\n"), form=form)

    assert body is not None
    assert b"words of Alice" not in body
    assert b"MIME message" not in body
    for sent in form[1][:2]:
        assert reports.body(sent).removesuffix(b"--=-cut--\r\n") in body
    parts = seen(form, body).get_payload()
    assert isinstance(parts, list)
    assert len(form[1]) == len(parts)
    for part in parts[2:]:
        assert isinstance(part, email.message.Message)
        assert b"\nMessage-ID: <1@chat.example.org>" in part.as_bytes()


@pytest.mark.parametrize("name", FORMS)
def test_the_size_of_the_pieces_does_not_matter(name: str) -> None:
    """A rewritten report stays the same when it is rewritten again."""
    form = FORMS[name]
    whole = read(reports.body(*form[1]), form=form)

    assert whole is not None
    for step in (1, 2, 3, 7, 100):
        assert whole == read(reports.body(*form[1]), form=form, step=step)
    assert whole == read(whole, form=form)


@pytest.mark.parametrize(
    "kind",
    [
        b"multipart/report; boundary==-cut",
        b"multipart/report; report-type=disposition-notification; boundary==-cut",
        b"multipart/report; report-type=feedback-report; boundary==-cut",
        b"multipart/mixed; report-type=delivery-status; boundary==-cut",
        b"multipart/report; report-type=delivery-status",
        SIMPLE[0] + b"; report-type=delivery-status",
        b"text/plain",
    ],
)
def test_other_types_are_no_reports(kind: bytes) -> None:
    """The Content-Type decides."""
    assert read(reports.body(*GOOD), form=(kind, [])) is None


def test_encoded_bodies_are_no_reports() -> None:
    """RFC 2045 section 6.4."""
    encoded = reports.header(SIMPLE, b"Content-Transfer-Encoding: base64")

    assert ReportReader.of(encoded) is None


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [(b"Content-Type: text/html", b"BUY NOW")],
        [(TEXT, b"BUY NOW"), (TEXT, b"BUY NOW")],
        [(STATUS, FAILED)],
        [(STATUS, FAILED), (TEXT, EXPLAINED)],
        [(TEXT, EXPLAINED), (MESSAGE, RETURNED)],
        [*GOOD, (TEXT, b"BUY NOW")],
        [*GOOD[:2], (TEXT, b"BUY NOW")],
        [*GOOD[:2], (b"Content-Type: application/pdf", b"BUY NOW")],
        [(b"Content-Type: image/png", b"BUY NOW"), *GOOD[1:]],
        [(b"Content-Type: multipart/mixed; boundary=x", b"BUY NOW"), *GOOD[1:]],
        [(b"Content Type", b"BUY NOW"), *GOOD[1:]],
        [(TEXT, b"Sorry\r--=-cut\r\n\r\nBUY NOW"), *GOOD[1:]],
        [(TEXT, b"Sorry\n--=-cut\n\nBUY NOW"), *GOOD[1:]],
    ],
)
def test_other_parts_are_no_reports(parts: list[tuple[bytes, bytes]]) -> None:
    """A report is explanation, status and returned message (RFC 6522 section 3)."""
    assert read(reports.body(*parts)) is None


@pytest.mark.parametrize(
    "status",
    [
        b"",
        b"BUY NOW\r\n",
        b"Reporting-MTA: dns; x\r\n",
        FAILED.partition(b"\r\n\r\n")[2],
        FAILED.replace(b"\r\n\r\n", b"\r\n"),
        FAILED.replace(b"Reporting-MTA", b"Report"),
        FAILED.replace(b"dns; mx.peer.example", b""),
        FAILED.replace(b"Final-Recipient", b"Recipient"),
        FAILED.replace(b"Action: failed\r\n", b""),
        FAILED.replace(b"failed", b"BUY"),
        FAILED.replace(b"failed", b"failednow"),
        FAILED.replace(b"5.1.1", b"550"),
        FAILED.replace(b"5.1.1", b"3.1.1"),
        FAILED + b"\r\nBUY: NOW\r\n",
        FAILED + b"\r\nBUY NOW\r\n",
        FAILED.replace(b"\r\n", b"\n"),
    ],
)
def test_a_status_needs_its_fields(status: bytes) -> None:
    """Per message and per recipient (RFC 3464 sections 2.2 and 2.3)."""
    assert read(reports.body(GOOD[0], (STATUS, status))) is None


@pytest.mark.parametrize(
    "status",
    [
        FAILED.lower(),
        b"\r\n\r\n" + FAILED.replace(b"\r\n\r\n", b"\r\n \t\r\n\r\n") + b"\r\n\r\n",
        FAILED.replace(b"failed", b"failed (bad destination address)"),
        FAILED.replace(b"5.1.1", b"5.1.1 (no such user)"),
        FAILED + b"\r\n" + FAILED.partition(b"\r\n\r\n")[2],
    ],
)
def test_variants_of_a_status_pass(status: bytes) -> None:
    """Case, empty lines and comments are ignored."""
    assert read(reports.body(GOOD[0], (STATUS, status))) is not None


def test_an_encoded_status_is_decoded() -> None:
    """RFC 6533 section 3 allows encodings."""
    header = b"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: "
    quoted = (header + b"quoted-printable", FAILED.replace(b"5.1.1", b"=35.1.1"))
    broken = (header + b"base64", FAILED)

    assert read(reports.body(GOOD[0], quoted)) is not None
    assert read(reports.body(GOOD[0], broken)) is None


@pytest.mark.parametrize(
    "returned",
    [
        (MESSAGE + b"\r\nContent-Transfer-Encoding: base64", b"QlVZIE5PVw==\r\n"),
        (MESSAGE, b"BUY NOW\r\n\r\nBUY NOW\r\n"),
        (MESSAGE, b"\r\nBUY: NOW\r\n\r\nBUY NOW\r\n"),
        (FIELDS, b"BUY NOW"),
        (FIELDS, b"Subject: x\nBUY NOW\r\n"),
    ],
)
def test_a_malformed_returned_header_is_dropped(returned: tuple[bytes, bytes]) -> None:
    """The report itself passes."""
    body = read(reports.body(*GOOD[:2], returned))

    assert body is not None
    assert b"BUY" not in body
    assert b"QlVZ" not in body
    assert b"text/rfc822-headers" in body


def test_the_size_limit_is_for_the_new_body() -> None:
    """Other servers return messages with pictures."""
    for step in (997, 65_535):
        body = read(reports.body(*GOOD[:2], (MESSAGE, RETURNED + b"x" * 300_000)), step=step)

        assert read(reports.body(*GOOD)) == body


@pytest.mark.parametrize("long", range(3))
def test_long_reports_are_refused(long: int) -> None:
    """For a long text in each of the parts."""
    more = [EXPLAINED, b"Diagnostic-Code: smtp; x\r\n", b"X-Long: x\r\n"][long]
    for size, passes in ((LIMIT_BYTES - 2000, True), (LIMIT_BYTES, False)):
        parts = list(GOOD)
        header, text = parts[long]
        filling = more * (size // len(more))
        parts[long] = header, (filling + text if long == 2 else text + filling)

        assert passes == (read(reports.body(*parts)) is not None)


def test_the_size_limit_includes_the_header() -> None:
    """The header of the report itself."""
    assert ReportReader.of(reports.header(SIMPLE)) is not None
    reader = ReportReader.of(reports.header(SIMPLE, b"X-Long: " + b"x" * LIMIT_BYTES))
    assert reader is not None
    reader.feed(reports.body(*GOOD))

    assert reader.finish() is None


def test_malformed_multiparts_are_refused() -> None:
    """A missing last delimiter, or a line that looks like a delimiter."""
    body = reports.body(*GOOD)

    assert read(body.removesuffix(b"--=-cut--\r\n")) is None
    assert read(body + b"--=-cut\r\n\r\nBUY NOW\r\n") is None
    assert read(body.replace(b"words", b"\r\n--=-cutter\r\n")) is None


@pytest.mark.parametrize("step", [100, 65_535])
@pytest.mark.parametrize("piece", [b"\r\n", b"\r\n\r\n", b"x", b"\r\n ", b"a:\r\n"])
def test_the_time_is_proportional_to_the_length(piece: bytes, step: int) -> None:
    """No part makes the parser read it several times."""
    for place in range(3):
        few, many = (
            [*GOOD[:place], (GOOD[place][0], piece * size), *GOOD[place + 1 :]]
            for size in (600, 6000)
        )
        short, long = reports.body(*few), reports.body(*many)

        assert seconds(lambda: read(long, step=step)) <= 0.001 + 20 * seconds(  # noqa: B023
            lambda: read(short, step=step)  # noqa: B023
        )
