"""Many messages at once to an address without a mailbox: each is delivered at the first attempt."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from chatmail_testkit.people.names import new_name
from chatmail_testkit.relays.reach.lmtp import run_with_lmtp
from chatmail_testkit.relays.target import AS_VMAIL, Machine

AT_ONCE = 5
# two deliveries got into each other's way at one of 200
MAILBOXES = 300
MAILBOX_DIRECTORY = "/var/lib/chatmail/mail"

# makes accounts that have no mailbox yet
ACCOUNTS = 'for home; do mkdir -m 700 -p "$home/mailboxes"; touch "$home/password"; done'

# delivers one message to each address by every connection at the same moment; prints the replies
DELIVER = """
import threading

[at_once, *addresses] = arguments
start = threading.Barrier(int(at_once))
replies = set()

def delivers():
    with dovecot() as lmtp:
        for address in addresses:
            start.wait()
            try:
                lmtp.sendmail("sender@a.test", [address], "Subject: hello\\r\\n\\r\\nhello\\r\\n")
                replies.add("delivered")
            except smtplib.SMTPException as error:
                replies.add(type(error).__name__ + str(error).replace(address, "ADDRESS"))
                lmtp.connect(host, int(port))

threads = [threading.Thread(target=delivers) for _ in range(int(at_once))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(sorted(replies)))
"""


@pytest.fixture
def newcomers(machine: Machine, relay: str) -> Iterator[list[str]]:
    """Addresses without a mailbox."""
    addresses = [f"{new_name()}@{relay}" for _ in range(MAILBOXES)]
    homes = [f"{MAILBOX_DIRECTORY}/{address}" for address in addresses]
    store = machine.stores[0]
    if len(machine.members) > 1:  # a store delivers to accounts that it has
        store.run(*AS_VMAIL, "sh", "-c", ACCOUNTS, "accounts", *homes)
    yield addresses
    store.run("rm", "-r", *homes)


def test_no_delivery_is_put_off(newcomers: list[str], machine: Machine) -> None:
    """Each of the deliveries would create the mailbox; one does, the others wait for it."""
    replies = run_with_lmtp(machine, machine.stores[0], DELIVER, str(AT_ONCE), *newcomers)

    assert json.loads(replies) == ["delivered"]
