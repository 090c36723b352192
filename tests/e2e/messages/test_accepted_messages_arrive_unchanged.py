"""Accepted messages arrive unchanged apart from removed header fields, and pass the next relay."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import pytest
from chatmail_testkit.mail import openpgp
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.firewall import closed
from chatmail_testkit.relays.services import stopped
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.samples import odd_messages
from chatmail_testkit.samples.odd_messages import Draft
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

pytestmark = pytest.mark.disturbs

SEED = 11
MESSAGES, PER_PERSON = 240, 10  # the rate limit allows a burst of ten
SMTP = 25
_BARE_CR = re.compile(rb"\r(?!\n)")
# fields removed by docs/mail-rules.md (O10, I7) and Postfix' message_drop_headers
REMOVED = {
    *("received", "x-originating-ip", "x-mailer", "user-agent"),
    *("dkim-signature", "authentication-results"),
    *("bcc", "resent-bcc", "return-path", "content-length"),
}
# other fields may be removed; those that arrive are unchanged
KEPT = {
    *("from", "to", "cc", "date", "subject", "message-id", "references", "in-reply-to"),
    *("chat-version", "mime-version", "content-type"),
}


@pytest.fixture(params=["HTTPS", "SMTP"])
def _way(request: pytest.FixtureRequest, machine: Machine, other_machine: Machine) -> Iterator[str]:
    """Close one transport between the relays, so the other is used."""
    with contextlib.ExitStack() as stack:
        if request.param == "HTTPS":
            stack.enter_context(closed(other_machine, SMTP))
        else:
            stack.enter_context(stopped(other_machine, "chatmail-transport"))
        yield request.param
    machine.run("systemctl", "restart", "chatmail-transport")


@pytest.mark.usefixtures("_way")
def test_unusual_messages_arrive_or_are_refused(
    bob: Person, carol: Person, new_person: PersonFactory
) -> None:
    """They arrive unchanged with a valid signature, or are refused at once."""
    taken, refused = _submitted([bob, carol], new_person)

    print(f"seed {SEED}, {len(taken)} taken, {len(refused)} refused: {refused}")
    for person in (bob, carol):
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: _count(person) >= len(taken), "all")  # noqa: B023
        arrived = {_message_id(letter.raw): letter.raw for letter in person.inbox()}
        lost = [draft.oddities for name, draft in taken.items() if name not in arrived]
        changed = [
            (draft.oddities, difference)
            for name, draft in taken.items()
            if name in arrived and (difference := _difference(draft.raw(), arrived[name]))
        ]
        assert (person.domain, lost, changed) == (person.domain, [], [])
    assert len(taken) > MESSAGES * 0.7


def _count(person: Person) -> int:
    person.imap.noop()
    return len(person.imap.search("ALL"))


def _submitted(
    recipients: list[Person], new_person: PersonFactory
) -> tuple[dict[bytes, Draft], list[tuple[list[str], str]]]:
    taken: dict[bytes, Draft] = {}
    refused = []
    near, far = recipients
    keys = [person.key.public_key() for person in recipients]
    for start in range(0, MESSAGES, PER_PERSON):
        sender = new_person(near.domain)
        numbers = range(start, start + PER_PERSON)
        text = openpgp.encrypt(b"odd" * 500, keys)
        for draft in odd_messages.series(SEED, sender.address, far.address, text, numbers):
            reply = sender.submits(draft.raw(), near, far)
            if reply.code == 250:
                taken[_message_id(draft.raw())] = draft
            else:
                refused.append((draft.oddities, f"{reply.code} {reply.text}"))
                assert 500 <= reply.code < 600, reply
        sender.leaves()
    return taken, refused


def _message_id(raw: bytes) -> bytes:
    fields, _ = odd_messages.split(raw)
    [found] = [line for line in fields if line.lower().startswith(b"message-id:")]
    return found.partition(b":")[2].strip()


def _difference(sent: bytes, received: bytes) -> str:
    """Return the first unexpected difference, or "" without one."""
    fields, body = odd_messages.split(sent)
    arrived_fields, arrived_body = odd_messages.split(received)
    body = _BARE_CR.sub(b" ", body)  # as in the header
    if not body.endswith(b"\r\n"):
        body += b"\r\n"
    if arrived_body != body:
        at = next(
            (i for i, (a, b) in enumerate(zip(body, arrived_body, strict=False)) if a != b),
            min(len(body), len(arrived_body)),
        )
        return (
            f"body at {at}: {body[at - 20 : at + 40]!r} became {arrived_body[at - 20 : at + 40]!r}"
        )
    expected = _expected(fields)
    found = [line for line in arrived_fields if _name(line) not in REMOVED]
    remaining = iter(expected)
    strange = [line for line in found if line not in remaining]
    missing = [line for line in expected if _name(line) in KEPT and line not in found]
    return f"header: {strange[:3]!r} instead of {missing[:3]!r}" if strange or missing else ""


def _expected(fields: list[bytes]) -> list[bytes]:
    expected, has_subject = [], False
    for line in fields:
        name = _name(line)
        if name == "subject":
            if has_subject:
                continue
            has_subject = True
            line = line.partition(b":")[0] + b": [...]"
        if name not in REMOVED:
            expected.append(_as_postfix_writes(line))
    return expected


def _as_postfix_writes(line: bytes) -> bytes:
    """Apply Postfix' changes before the filter: no blank before the colon, bare CR to blank."""
    before, colon, value = line.partition(b":")
    return before.rstrip() + colon + _BARE_CR.sub(b" ", value)


def _name(line: bytes) -> str:
    return line.partition(b":")[0].strip().lower().decode("latin-1")
