"""Fronts and stores of one domain have what they need of a relay, and no more."""

from typing import Any, Final

import pytest
from nixtest.relay import Describe

CLUSTER: Final[dict[str, Any]] = {
    "fronts": {"front1": {"host": "192.0.2.1", "publicKey": f"{'a' * 42}k="}},
    "stores": {"store1": {"host": "192.0.2.2", "publicKey": f"{'b' * 42}k="}},
    "privateKeyFile": "/run/keys/wireguard",
    "secretFile": "/run/keys/cluster",
}
KEYS: Final = {"selector": "old", "publishedSelectors": ["next"]}


def test_each_front_has_its_own_dkim_keys(describe: Describe) -> None:
    """Also the next one: it is published before it signs."""
    front = describe({"cluster": CLUSTER | {"machine": "front1"}, "dkim": KEYS})

    assert front.settings["dkim"]["selector"] == "old-front1"
    assert front.settings["dkim"]["publishedSelectors"] == ["next-front1"]


@pytest.mark.parametrize(
    ("machine", "user", "daemons"),
    [
        ("front1", "postfix", "dovecot.service postfix.service"),
        ("store1", "vmail", "dovecot.service"),
    ],
)
def test_the_clock_is_watched_everywhere(
    machine: str, user: str, daemons: str, describe: Describe
) -> None:
    """A store has no Postfix, and no user of that name."""
    unit = describe({"cluster": CLUSTER | {"machine": machine}}).units["chatmail-clock"]

    assert unit["serviceConfig"]["User"] == user
    reload, *others = unit["serviceConfig"]["ExecStart"]
    assert reload.partition(" try-reload-or-restart ")[2] == daemons
    assert len(others) == (user == "postfix")
