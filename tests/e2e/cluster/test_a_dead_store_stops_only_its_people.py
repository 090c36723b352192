"""A store loses power: its people hear that it is unavailable, their mail waits, others go on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import aiosmtplib
import pytest
from chatmail_testkit.mail.sessions import submission
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.cluster.machine import ClusterMachine
from chatmail_testkit.relays.cluster.trouble import ends, power_cut
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from chatmail_testkit.web.client import request
from cluster.conftest import People, can_log_in, texts
from imapclient.exceptions import LoginError

pytestmark = pytest.mark.disturbs

# Postfix' own next try would be an hour later
RETURNS_S = 20
NEW = 5
TEXTS = {"from here", "from there"}
_IN_AN_HOUR = ("find", "/var/lib/postfix/queue/deferred", "-type", "f", "-exec")
_TOUCH = ("touch", "-d", "1 hour", "{}", "+")


def test_its_people_wait_and_others_go_on(
    people: People,
    carol: Person,
    lab: LabTarget,
    cluster: ClusterMachine,
    other_machine: Machine,
) -> None:
    """A message to both from here and from another relay, logins, new addresses, and the return."""
    store, other = cluster.stores[0], cluster.stores[1]
    (alice, bob), (dave, erin) = people[store][:2], people[other][:2]
    for person in (alice, bob, dave, erin):
        person.imap.noop()
        person.smtp.noop()
    carol.smtp.noop()
    alice.imap.idle()
    with power_cut(lab, store.host) as cut, ThreadPoolExecutor(1) as pool:
        assert ends(alice.imap)
        smtp_login = pool.submit(_smtp_login, lab, alice)
        # both: Postfix' queue manager remembers its last look-up for 30 s
        dave.sends(alice, bob, erin, text="from here")
        wait_for(lambda: "from here" in texts(erin), "mail for another store")
        carol.sends(alice, bob, erin, text="from there")
        wait_for(lambda: "from there" in texts(erin), "mail of another relay")
        with pytest.raises(LoginError, match="UNAVAILABLE"):
            alice.logs_in()
        assert bob.submits(bob.writes(erin), erin).code == 451
        assert smtp_login.result() == 454
        for _ in range(NEW):
            answer = request(lab, "POST", cluster.host, "/new")
            assert answer.status == 200, answer
        for front in cluster.fronts:
            front.run(*_IN_AN_HOUR, *_TOUCH)
        cut.end()

    alice.leaves()
    wait_for(lambda: can_log_in(alice), "the store is back", within_s=RETURNS_S)
    wait_for(lambda: {*texts(alice)} >= TEXTS, "its mail", within_s=RETURNS_S)
    wait_for(lambda: alice.address not in cluster.queue() + other_machine.queue(), "no queue")
    for person in (alice, erin):
        assert {text: texts(person).count(text) for text in TEXTS} == dict.fromkeys(TEXTS, 1)


def _smtp_login(lab: LabTarget, person: Person) -> int:
    """Returns the code of the refusal."""
    try:
        with submission(lab, person.domain, person.address, person.password):
            return 250
    except aiosmtplib.SMTPAuthenticationError as error:
        return error.code
