"""`chatmail dns --check` judges the published records as servers and clients do."""

from __future__ import annotations

import json

from chatmail_testkit.relays.target import Machine

SETTINGS = "/etc/chatmail/settings.json"
CHECK = "chatmail --settings /run/moved.json dns --check"


def test_a_right_zone_is_right(machine: Machine, relay: str) -> None:
    """With reverse names, and the policy as senders fetch it."""
    document = json.loads(machine.run("chatmail", "dns", "--check", "--json"))

    kinds = {found["type"] for found in document["findings"]}
    assert (document["domain"], document["right"]) == (relay, True)
    assert {found["state"] for found in document["findings"]} == {"ok"}
    assert {"A", "MX", "TXT", "CNAME", "SRV", "PTR", "policy"} <= kinds


def test_a_zone_of_another_machine_is_wrong(machine: Machine, other_machine: Machine) -> None:
    """As after a move: the addresses lead to the old machine, and the key is another one."""
    # a front has a key of its own name
    own = json.loads(machine.run("cat", SETTINGS))["dkim"]["selector"]
    zone = other_machine.run("cat", SETTINGS).replace('elector":"chatmail"', f'elector":"{own}"')
    machine.run("sh", "-c", "cat > /run/moved.json", stdin=zone.encode())

    said = machine.run("sh", "-c", f"{CHECK} && echo right || echo wrong")

    assert "not this machine" in said
    assert "another key than the one that signs" in said
    assert said.endswith("wrong\n")
