"""Rules O10 and I8: what is taken out before a message leaves, and of a secure join that comes."""

import pytest

from chatmaild.filter.cleanup import LEAVES, Change, clean, clean_secure_join
from chatmaild.filter.mime.headers import Header, parse_block


def header(text: bytes) -> list[Header]:
    """Header fields from their lines."""
    found = parse_block(text.replace(b"\n", b"\r\n").strip())
    assert found is not None
    return found


def test_programs_and_machines_are_not_named() -> None:
    """Each field of that name goes, from the last one up, so that no index moves."""
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


def test_the_subject_says_nothing() -> None:
    """The first becomes a constant, any other goes."""
    kept, changes = clean(header(b"Subject: secret\nFrom: <a@b>\nSUBJECT: more\n secrets\n"))

    assert [Header(b"Subject", b" [...]"), Header(b"From", b" <a@b>")] == kept
    assert changes == [
        Change(name=b"SUBJECT", index=2, value=None),
        Change(name=b"Subject", index=1, value=b" [...]"),
    ]


def test_what_is_clean_stays() -> None:
    """Delta Chat writes that subject itself."""
    fields = header(
        b"Subject: [...]\nFrom: <a@b>\nAutocrypt: addr=a@b\nChat-Version: 1.0\nMIME-Version: 1.0\n"
    )

    assert (fields, []) == clean(fields)


# the header fields of programs, as far as they are not those of the first line
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
GOES = [
    *("Bcc", "Resent-Bcc", "Comments", "Keywords", "Organization", "Content-Description", "Face"),
    *("Thread-Topic", "Thread-Index", "List-ID", "Chat-Group-Name", "Chat-Content", "X-Anything"),
    *("X-Mozilla-Draft-Info", "X-Pgp-Agent", "X-Pm-Origin", "DKIM-Signature", "Return-Path"),
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_programs_need_stays(program: str) -> None:
    """Who, when, to what, how to read it, and keys."""
    names = PROGRAMS[program].split()
    fields = [Header(name.encode(), b" [...]" if name == "Subject" else b" 1.0") for name in names]

    assert (fields, []) == clean(fields)


@pytest.mark.parametrize("name", GOES)
def test_everything_else_goes(name: str) -> None:
    """Above all who else got it, and words."""
    fields = header(b"From: <a@b>\n" + name.encode() + b": meet me at noon\n")

    kept, changes = clean(fields)

    assert [Header(b"From", b" <a@b>")] == kept
    assert [Change(name=name.encode(), index=1, value=None)] == changes


def test_a_comment_in_the_version_goes() -> None:
    """Apple Mail names itself there."""
    kept, changes = clean(header(b"MIME-Version: 1.0 (Mac OS X Mail 16.0)\n"))

    assert [Header(b"MIME-Version", b" 1.0")] == kept
    assert [Change(name=b"MIME-Version", index=1, value=b" 1.0")] == changes


def test_every_name_is_in_lower_case() -> None:
    """Others would never be found."""
    assert {name.lower() for name in LEAVES} == LEAVES
    assert b"bcc" not in LEAVES


def test_a_secure_join_says_nothing_either() -> None:
    """Its signature was verified; servers on the way still count how many they are."""
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
