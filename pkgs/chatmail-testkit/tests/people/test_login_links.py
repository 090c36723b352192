"""A login link names host, ports and password."""

from __future__ import annotations

from urllib.parse import parse_qs

from chatmail_testkit.people.login_links import login_link
from chatmail_testkit.relays.network import NetworkTarget


def test_fields() -> None:
    """Both servers are the relay."""
    link = login_link(NetworkTarget(relays=["a.test"], inside=False), "a.test")

    address, _, query = link.removeprefix("dclogin:").partition("?")
    fields = {key: value[0] for key, value in parse_qs(query).items()}
    assert address.endswith("@a.test")
    assert (fields["ih"], fields["sh"], fields["ip"], fields["sp"]) == (
        *["a.test"] * 2,
        "993",
        "465",
    )
    assert len(fields["p"]) == 22
