"""Delivery reports in the forms of well-known MTAs, with texts of our own."""

from chatmaild.filter.mime.headers import Header

from ..support.messages import headers

# Content-Type of the report; header and text of each part
Form = tuple[bytes, list[tuple[bytes, bytes]]]

TEXT = b"Content-Type: text/plain; charset=us-ascii"
STATUS = b"Content-Type: message/delivery-status"
MESSAGE = b"Content-Type: message/rfc822"
FIELDS = b"Content-Type: text/rfc822-headers"
EXPLAINED = b"Nobody has the address x@peer.example here.\r\n"
FAILED = (
    b"Reporting-MTA: dns; mx.peer.example\r\n\r\n"
    b"Final-Recipient: rfc822; x@peer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
)
RETURNED_HEADER = b"From: <alice@chat.example.org>\r\nMessage-ID: <1@chat.example.org>\r\n"
RETURNED = RETURNED_HEADER + b"\r\nthe words of Alice\r\n\r\nand more of them\r\n"


def _two_texts(kind: bytes, cut: bytes, more: bytes = b"") -> tuple[bytes, bytes]:
    header = b"Content-Type: multipart/" + kind + b';\r\n\tboundary="' + cut + b'"'
    text = b"--" + cut + b"\r\nContent-Type: text/plain\r\n\r\nplain words\r\n"
    text += b"--" + cut + b"\r\nContent-Type: text/html\r\n\r\n<p>words</p>\r\n" + more
    return header, text + b"--" + cut + b"--\r\n"


POSTFIX: Form = (
    b'multipart/report; report-type=delivery-status;\r\n\tboundary="=-cut"',
    [
        (b"Content-Description: Notification\r\nContent-Type: text/plain; charset=us-ascii",
         b"This is the mail system at host mx.peer.example.\r\n"),
        (b"Content-Description: Delivery report\r\nContent-Type: message/delivery-status",
         b"Reporting-MTA: dns; mx.peer.example\r\nX-Postfix-Queue-ID: 4ABCDEF\r\n"
         b"X-Postfix-Sender: rfc822; alice@chat.example.org\r\n"
         b"Arrival-Date: Sat, 28 Nov 2026 12:00:00 +0000 (UTC)\r\n\r\n"
         b"Final-Recipient: rfc822; x@peer.example\r\nOriginal-Recipient: rfc822;x@peer.example\r\n"
         b"Action: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mail.peer.example\r\n"
         b"Diagnostic-Code: smtp; 550 5.1.1 <x@peer.example>: Recipient address\r\n"
         b"    rejected: User unknown\r\n"),
        (b"Content-Description: Undelivered Message\r\nContent-Type: message/rfc822", RETURNED),
    ],
)  # fmt: skip
POSTFIX_UTF8: Form = (
    b'multipart/report; report-type=delivery-status; boundary="=-cut"',
    [
        (b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit",
         "Nobody here is jürgen.\r\n".encode()),
        (b"Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit",
         FAILED.replace(b"rfc822; x@", "utf-8; jürgen@".encode())),
        (b"Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit",
         RETURNED_HEADER),
    ],
)  # fmt: skip
EXCHANGE: Form = (
    b'multipart/report; report-type=delivery-status;\r\n\tboundary="=-cut"',
    [
        _two_texts(b"alternative; differences=Content-Type", b"8a1f-inner"),
        (STATUS,
         b"Reporting-MTA: dns;mbx1.peer.example\r\nReceived-From-MTA: dns;b.example\r\n\r\n"
         b"Original-Recipient: rfc822;x@peer.example\r\n"
         b"Final-Recipient: rfc822;x@peer.example\r\nAction: failed\r\nStatus: 5.1.10\r\n"
         b"Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound\r\n"
         b"X-Display-Name: X\r\n\r\n"),
        (MESSAGE, RETURNED),
    ],
)  # fmt: skip
GOOGLE: Form = (
    b'multipart/report; boundary="=-cut"; report-type=delivery-status',
    [
        _two_texts(
            b"related", b"0000a1", b"--0000a1\r\nContent-Type: image/png\r\n\r\niVBORw0K\r\n"
        ),
        (STATUS,
         b"Reporting-MTA: dns; googlemail.com\r\n"
         b"Arrival-Date: Sat, 28 Nov 2026 04:00:00 -0800 (PST)\r\nX-Original-Message-ID: <1@x>\r\n"
         b"\r\nFinal-Recipient: rfc822; x@peer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
         b"Last-Attempt-Date: Sat, 28 Nov 2026 04:00:01 -0800 (PST)\r\n"),
        (MESSAGE, RETURNED),
    ],
)  # fmt: skip
EXIM: Form = (
    b'multipart/report; report-type=delivery-status; boundary="=-cut"',
    [
        (b"Content-type: text/plain; charset=us-ascii", EXPLAINED),
        (b"Content-type: message/delivery-status",
         b"Reporting-MTA: dns; mx.peer.example\r\n\r\nAction: failed\r\n"
         b"Final-Recipient: rfc822;x@peer.example\r\nStatus: 5.0.0\r\n"),
        (b"Content-type: text/rfc822-headers",
         b"Return-path: <alice@chat.example.org>\r\n" + RETURNED_HEADER),
    ],
)  # fmt: skip
SENDMAIL: Form = (
    b"multipart/report; report-type=delivery-status;\r\n\tboundary==-cut",
    [
        (b"", b"The original message was received at Sat, 28 Nov 2026\r\n"),
        (STATUS,
         b"Reporting-MTA: dns; mx.peer.example\r\nReceived-From-MTA: DNS; b.example\r\n\r\n"
         b"Final-Recipient: RFC822; x@peer.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
         b"Final-Recipient: RFC822; y@peer.example\r\nAction: delayed\r\nStatus: 4.2.2\r\n"),
        (MESSAGE, RETURNED),
    ],
)  # fmt: skip
AMAZON: Form = (
    b'multipart/report; boundary="=-cut"; \r\n\treport-type=delivery-status',
    [
        (b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable",
         EXPLAINED),
        (STATUS + b"\r\nContent-Transfer-Encoding: 7bit", b"\r\n" + FAILED),
        (MESSAGE + b"\r\nContent-Transfer-Encoding: 7bit", RETURNED),
    ],
)  # fmt: skip
TWO_PARTS: Form = (
    b"multipart/report; report-type=delivery-status; boundary==-cut",
    [(b"Content-Type: text/html", b"<p>Sorry</p>\r\n"), (STATUS, FAILED)],
)
FORMS = {
    "Postfix": POSTFIX,
    "Postfix, UTF-8": POSTFIX_UTF8,
    "Exchange": EXCHANGE,
    "Google": GOOGLE,
    "Exim": EXIM,
    "sendmail": SENDMAIL,
    "Amazon": AMAZON,
    "two parts": TWO_PARTS,
}


def header(form: Form, *more: bytes) -> list[Header]:
    """Header of a report, without From."""
    return headers(b"".join(field + b"\r\n" for field in more), content_type=form[0])


def body(*parts: tuple[bytes, bytes], before: bytes = b"", after: bytes = b"") -> bytes:
    """Body of a report."""
    written = (
        b"--=-cut\r\n" + (header + b"\r\n" if header else b"") + b"\r\n" + text + b"\r\n"
        for header, text in parts
    )
    return before + b"".join(written) + b"--=-cut--\r\n" + after
