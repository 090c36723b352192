"""Rule O10: what is taken out before a message leaves."""

from chatmaild.filter.cleanup import Change, clean
from chatmaild.filter.headers import Header, parse_block


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
    fields = header(b"Subject: [...]\nFrom: <a@b>\nAutocrypt: addr=a@b\nChat-Version: 1.0\n")

    assert (fields, []) == clean(fields)
