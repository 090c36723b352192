"""A front loses the way to a store, in one direction: other fronts and other stores do not."""

from __future__ import annotations

import pytest
from chatmail_testkit.relays.cluster.machine import ClusterMachine
from chatmail_testkit.relays.cluster.trouble import apart, ends
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.waiting import wait_for
from cluster.conftest import People, PersonAt, can_log_in, texts
from imapclient.exceptions import LoginError

pytestmark = pytest.mark.disturbs

# Postfix' own next try is 30 s later at the earliest
RETURNS_S = 15


@pytest.mark.parametrize("way", ["incoming", "outgoing"])
def test_mail_waits_at_that_front_alone(
    way: str, people: People, person_at: PersonAt, lab: LabTarget, cluster: ClusterMachine
) -> None:
    """Sessions end there, and logins are unavailable; the other front goes on."""
    (front, other_front), (store, other_store) = cluster.fronts[:2], cluster.stores[:2]
    # both: Postfix' queue manager remembers its last look-up for 30 s
    (alice, bob), (dave, erin) = people[store][:2], people[other_store][:2]
    here, there = person_at(front, alice), person_at(other_front, alice)
    sender = person_at(front, dave)
    for person in (here, there, erin):
        person.imap.noop()
    for person in (sender, dave):
        person.smtp.noop()
    here.imap.idle()
    ways = {"incoming": way == "incoming", "outgoing": way == "outgoing"}
    with apart(front, lab.addresses(store.host), **ways):
        assert ends(here.imap)
        with pytest.raises(LoginError, match="UNAVAILABLE"):
            here.logs_in()
        sender.sends(alice, bob, erin, text=f"{way}: waits")
        wait_for(lambda: f"{way}: waits" in texts(erin), "mail for another store")
        person_at(other_front, dave).sends(alice, text=f"{way}: at once")
        wait_for(lambda: f"{way}: at once" in texts(there), "mail by the other front")
        assert f"{way}: waits" not in texts(there)

    wait_for(lambda: f"{way}: waits" in texts(there), "what waited", within_s=RETURNS_S)
    here.leaves()
    wait_for(lambda: can_log_in(here), "the way is back", within_s=RETURNS_S)
    assert [texts(here).count(f"{way}: {text}") for text in ("waits", "at once")] == [1, 1]
