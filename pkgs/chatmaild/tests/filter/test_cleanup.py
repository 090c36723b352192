"""Rules O10 and I9: removal of header fields from outgoing mail and incoming secure joins."""

import pytest

from chatmaild.filter.cleanup import ALLOWED_FIELDS, Change, clean, clean_secure_join
from chatmaild.filter.mime.headers import Header, parse_block


def header(text: bytes) -> list[Header]:
    """Parse header lines."""
    found = parse_block(text.replace(b"\n", b"\r\n").strip())
    assert found is not None
    return found


def test_fields_that_name_programs_and_hosts_are_removed() -> None:
    """The changes are in reverse order, so that no index shifts."""
    kept, changes = clean(
        header(
            b"Received: from phone\nFrom: <a@b>\nreceived: by phone\nX-Mailer: m\n"
            b"User-Agent: u\nX-Originating-IP: [192.0.2.1]\nTo: <c@d>\n"
        )
    )

    assert [field.name for field in kept] == [b"From", b"To"]
    assert changes == [
        Change(name=b"X-Originating-IP", index=1, value=None),
        Change(name=b"User-Agent", index=1, value=None),
        Change(name=b"X-Mailer", index=1, value=None),
        Change(name=b"received", index=2, value=None),
        Change(name=b"Received", index=1, value=None),
    ]


def test_the_subject_becomes_a_constant() -> None:
    """Further Subject fields are removed."""
    kept, changes = clean(header(b"Subject: secret\nFrom: <a@b>\nSUBJECT: more\n secrets\n"))

    assert [Header(b"Subject", b" [...]"), Header(b"From", b" <a@b>")] == kept
    assert changes == [
        Change(name=b"SUBJECT", index=2, value=None),
        Change(name=b"Subject", index=1, value=b" [...]"),
    ]


def test_a_clean_header_is_unchanged() -> None:
    """Delta Chat writes the constant subject itself."""
    fields = header(
        b"Subject: [...]\nFrom: <a@b>\nAutocrypt: addr=a@b\nChat-Version: 1.0\nMIME-Version: 1.0\n"
    )

    assert (fields, []) == clean(fields)


# header fields of programs; the first line lists those that all have
PROGRAMS = {
    "all": "From To Cc Date Message-ID Subject MIME-Version Content-Type In-Reply-To References",
    "Delta Chat": "Chat-Version Chat-Is-Post-Message Autocrypt Auto-Submitted",
    "Delta Chat, secure join": "Secure-Join Secure-Join-Invitenumber Secure-Join-Auth "
    "Secure-Join-Fingerprint Secure-Join-Group Chat-Verified Ephemeral-Timer",
    "Delta Chat, setup message": "Autocrypt-Setup-Message",
    "Thunderbird": "Reply-To Content-Language Autocrypt X-Priority Disposition-Notification-To",
    "Apple Mail with GPGTools": "Content-Transfer-Encoding Reply-To",
    "Mutt": "Content-Disposition Mail-Followup-To Sender",
    "KMail": "Return-Receipt-To Disposition-Notification-To Importance Priority",
    "Gnus": "Mail-Reply-To OpenPGP",
}
REMOVED = [
    *("Bcc", "Resent-Bcc", "Comments", "Keywords", "Organization", "Content-Description", "Face"),
    *("Thread-Topic", "Thread-Index", "List-ID", "Chat-Group-Name", "Chat-Content", "X-Anything"),
    *("X-Mozilla-Draft-Info", "X-Pgp-Agent", "X-Pm-Origin", "DKIM-Signature", "Return-Path"),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_fields_that_programs_need_stay(program: str) -> None:
    """Addresses, date, thread, MIME and keys."""
    names = PROGRAMS[program].split()
    fields = [Header(name.encode(), b" [...]" if name == "Subject" else b" 1.0") for name in names]

    assert (fields, []) == clean(fields)


@pytest.mark.parametrize("name", REMOVED)
def test_all_other_fields_are_removed(name: str) -> None:
    """Most important: other recipients and free text."""
    fields = header(b"From: <a@b>\n" + name.encode() + b": meet me at noon\n")

    kept, changes = clean(fields)

    assert [Header(b"From", b" <a@b>")] == kept
    assert [Change(name=name.encode(), index=1, value=None)] == changes


def test_a_comment_in_mime_version_is_removed() -> None:
    """Apple Mail writes its name there."""
    kept, changes = clean(header(b"MIME-Version: 1.0 (Mac OS X Mail 16.0)\n"))

    assert [Header(b"MIME-Version", b" 1.0")] == kept
    assert [Change(name=b"MIME-Version", index=1, value=b" 1.0")] == changes


def test_allowed_fields_are_in_lower_case() -> None:
    """Fields are looked up in lower case."""
    assert {name.lower() for name in ALLOWED_FIELDS} == ALLOWED_FIELDS
    assert b"bcc" not in ALLOWED_FIELDS


def test_a_secure_join_loses_free_text_and_keeps_received() -> None:
    """MTAs count Received fields to detect loops."""
    changes = clean_secure_join(
        header(
            b"Received: by mx\nDKIM-Signature: v=1\nFrom: <a@b>\nSubject: BUY PILLS\n"
            b"X-Note: BUY MORE\nSecure-Join: vc-request\nSubject: again\nComments: and more\n"
        )
    )

    assert changes == [
        Change(name=b"Comments", index=1, value=None),
        Change(name=b"Subject", index=2, value=None),
        Change(name=b"X-Note", index=1, value=None),
        Change(name=b"Subject", index=1, value=b" [...]"),
        Change(name=b"DKIM-Signature", index=1, value=None),
    ]
