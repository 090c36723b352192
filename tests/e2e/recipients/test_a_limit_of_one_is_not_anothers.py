"""Deliveries and sessions in one process share settings, but none that is one person's own."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

pytestmark = pytest.mark.disturbs

CONFIGURATION = "/etc/dovecot/dovecot.conf"
CHANGE = f"cp {CONFIGURATION} /run/before && cat >> {CONFIGURATION} && systemctl reload dovecot"
RESTORE = f"cat /run/before > {CONFIGURATION} && systemctl reload dovecot"
# The ways to set a value for one person: pkgs/preload/shared-settings.c has an answer to each.
OWN = {
    "a variable, and a field of the userdb": """
        quota "User quota" {
          storage_size = %%{user | if('eq', '%s', '9M', '1M')}
        }
        userdb static {
          fields {
            quota_exceeded_message = too much for %%{user}
          }
        }
    """,
    "a field that names a section": """
        userdb static {
          fields {
            "quota/User quota/storage_size" = %%{user | if('eq', '%s', '9M', '1M')}
          }
        }
        quota_exceeded_message = too much for %%{user}
    """,
}
SMALL_KB, LARGE_KB = 1024, 9 * 1024
MORE_THAN_SMALL = "x" * 1024 * SMALL_KB
HIBERNATION_S = 1.0  # imap_hibernate_timeout


@pytest.fixture
def people(new_person: PersonFactory, relay: str) -> list[Person]:
    """Recipients; the one in the middle has more room than the others."""
    return [new_person(relay) for _ in range(3)]


@pytest.fixture(params=OWN)
def own_limits(
    request: pytest.FixtureRequest, people: list[Person], machine: Machine
) -> Iterator[None]:
    """Limits of their own, in processes that start with them."""
    machine.run("sh", "-c", CHANGE, stdin=(OWN[request.param] % people[1].address).encode())
    yield
    machine.run("sh", "-c", RESTORE)


@pytest.mark.usefixtures("own_limits")
def test_each_has_its_own(alice: Person, people: list[Person]) -> None:
    """One transaction wakes all sessions; a second one has room in one mailbox."""
    for person in people:
        person.imap.idle()
    for person in people:
        assert person.imap.notices(within_s=2 * HIBERNATION_S) == []

    alice.sends(*people)

    for person in people:
        wait_for(partial(_is_notified, person.imap), "a notice")
        person.imap.idle_done()
    assert [_limit_kb(person.imap) for person in people] == [SMALL_KB, LARGE_KB, SMALL_KB]

    alice.sends(*people, text=MORE_THAN_SMALL)

    bounce = alice.receives().raw
    wait_for(lambda: len(people[1].inbox()) == 2, "the second message")
    assert [len(person.inbox()) for person in people] == [1, 2, 1]
    told = [f"too much for {person.address}".encode() in _one_line(bounce) for person in people]
    assert told == [True, False, True]


def _is_notified(session: Imap) -> bool:
    return any(b"EXISTS" in response for response in session.notices(within_s=1))


def _limit_kb(session: Imap) -> int:
    _, quotas = session.get_quota_root("INBOX")
    [limit] = [quota.limit for quota in quotas if quota.resource == "STORAGE"]
    return int(limit)


def _one_line(text: bytes) -> bytes:
    return b" ".join(text.split())
