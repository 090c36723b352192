"""Many messages at once to an address without a mailbox: each is delivered at the first attempt."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from chatmail_testkit.people.names import new_name
from chatmail_testkit.relays.target import Machine

AT_ONCE = 5
# two deliveries got into each other's way at one of 200
MAILBOXES = 300
MAILBOX_DIRECTORY = "/var/lib/chatmail/mail"

# delivers one message to each address by every connection at the same moment; prints the replies
DELIVER = """
import json, smtplib, sys, threading

SOCKET = "/var/lib/postfix/queue/private/dovecot-lmtp"
[at_once, *addresses] = sys.argv[1:]
start = threading.Barrier(int(at_once))
replies = set()

def delivers():
    with smtplib.LMTP(SOCKET) as lmtp:
        for address in addresses:
            start.wait()
            try:
                lmtp.sendmail("sender@a.test", [address], "Subject: hello\\r\\n\\r\\nhello\\r\\n")
                replies.add("delivered")
            except smtplib.SMTPException as error:
                replies.add(type(error).__name__ + str(error).replace(address, "ADDRESS"))
                lmtp.connect(SOCKET)

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
    yield addresses
    machine.run("rm", "-r", *(f"{MAILBOX_DIRECTORY}/{address}" for address in addresses))


def test_no_delivery_is_put_off(newcomers: list[str], machine: Machine) -> None:
    """Each of the deliveries would create the mailbox; one does, the others wait for it."""
    deliver = ["python3", "-c", DELIVER, str(AT_ONCE), *newcomers]
    assert json.loads(machine.run(*deliver)) == ["delivered"]
