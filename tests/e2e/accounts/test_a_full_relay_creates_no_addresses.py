"""Load, little memory, disk or inodes, or the stop file block new addresses, but no login."""

from __future__ import annotations

import json
from typing import Any

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.registration import registration
from chatmail_testkit.relays.target import Machine, Target
from chatmail_testkit.web.client import request
from conftest import PersonFactory
from imapclient.exceptions import LoginError

pytestmark = pytest.mark.disturbs
STOP_FILE = "/etc/chatmail-nocreate"
LIMITS: dict[str, dict[str, Any]] = {
    "load": {"maxLoad": 1e-9},
    "memory": {"minFreeMemoryMegabytes": 1 << 30},
    "disk": {"minFreeDiskMegabytes": 1 << 30},
    "inodes": {"minFreeInodes": 1 << 60},
}


@pytest.mark.parametrize("limit", LIMITS)
def test_limits_block_new_addresses(
    limit: str, alice: Person, machine: Machine, new_person: PersonFactory, target: Target
) -> None:
    """`chatmail registration status` names the limit."""
    with registration(machine, LIMITS[limit]):
        _check_refused(alice, new_person, target)
        status = machine.run("chatmail", "registration", "status").splitlines()

    assert status[0] == "open"
    assert limit in status[1]


def test_the_stop_file_blocks_new_addresses(
    alice: Person, machine: Machine, new_person: PersonFactory, target: Target
) -> None:
    """It takes effect without a restart, when created and when removed."""
    machine.run("touch", STOP_FILE)
    try:
        _check_refused(alice, new_person, target)
    finally:
        machine.run("rm", STOP_FILE)

    assert new_person(alice.domain).imap.noop()


def _check_refused(alice: Person, new_person: PersonFactory, target: Target) -> None:
    with pytest.raises(LoginError):
        new_person(alice.domain).logs_in()
    answer = request(target, "POST", alice.domain, "/new")

    assert (answer.status, bool(json.loads(answer.body)["reason"])) == (503, True)
    assert alice.logs_in().noop()
