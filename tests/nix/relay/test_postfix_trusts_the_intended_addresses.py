"""IP addresses that Postfix treats in a special way are those that it should."""

from __future__ import annotations

import ipaddress
import re
from fractions import Fraction

import pytest
from chatmaild.transport.media_peers import _IPV4, _IPV6
from nixtest.relay import Describe, Relay

SPLIT = re.compile(r'split_clients "(\w\d) [^"]*" \$chatmail_\1 \{\n(.*?)\}', re.DOTALL)
NOT_ASKED = re.compile(r"\{if !/(?P<record>.*)/ \}, \{/\^\(\.\*\)\$\$/ \$\$1\}")
SHARE = re.compile(r"(\*|[\d.]+%) (\d+);")


@pytest.fixture(scope="module")
def splits(default: Relay) -> dict[str, dict[int, Fraction]]:
    """Part of an octet -> its values with their shares."""
    config = default.config["services"]["nginx"]["streamConfig"]
    found = {}
    for name, body in SPLIT.findall(config):
        shares = {int(value): share for share, value in SHARE.findall(body)}
        known = {
            value: Fraction(share.rstrip("%")) / 100
            for value, share in shares.items()
            if share[-1] == "%"
        }
        found[name] = known | dict.fromkeys(
            shares.keys() - known.keys(), 1 - sum(known.values(), Fraction())
        )
    return found


def test_the_addresses(splits: dict[str, dict[int, Fraction]]) -> None:
    """127.100.10.10 to 127.249.249.249: never 127.0.0.1, nor a resolver's 127.0.0.53."""
    bytes_ = {
        octet: {int(f"{ten}{one}") for ten in splits[f"{octet}1"] for one in splits[f"{octet}0"]}
        for octet in "bcd"
    }

    assert bytes_["b"] == set(range(100, 250))
    assert bytes_["c"] == bytes_["d"] == set(range(10, 250))


def test_the_shares_are_equal(splits: dict[str, dict[int, Fraction]]) -> None:
    """Otherwise more networks would share an address."""
    for shares in splits.values():
        assert max(shares.values()) - min(shares.values()) < Fraction("0.003")


def test_postfix_trusts_no_pseudonym(describe: Describe, default: Relay) -> None:
    """Whatever networks an operator calls his own, clients that log in are counted."""
    relay = describe(operator='{ services.postfix.settings.main.mynetworks = [ "127.0.0.0/8" ]; }')

    assert default.postfix["mynetworks"] == ["127.0.0.1/32", "[::1]/128"]
    postfix = relay.config["services"]["postfix"]
    entries = [postfix["settings"]["master"]["127.0.0.1:8465"]["args"]]
    options = postfix["submissionOptions"]
    assert options["smtpd_client_event_limit_exceptions"] == "127.0.0.1"
    assert all("smtpd_client_event_limit_exceptions=127.0.0.1" in args for args in entries)


def test_addresses_that_need_no_question_are_public(default: Relay) -> None:
    """smtp_dns_reply_filter asks the service about all records but these."""
    found = NOT_ASKED.search(default.postfix["smtp_dns_reply_filter"])
    assert found is not None
    skips = re.compile(found["record"].replace("$$", "$"), re.IGNORECASE).search

    ipv4 = [n for n in range(256) if skips(f"mx.test. 60 IN A {n}.0.0.1")]
    blocks = [ipaddress.ip_network(f"{n}.0.0.0/8") for n in ipv4]
    assert not [one for one in blocks if any(one.overlaps(special) for special in _IPV4)]
    assert len(blocks) == 215
    groups = [n for n in range(65536) if skips(f"x. 1 IN AAAA {n:x}:1::2")]
    assert (min(groups), max(groups), len(groups)) == (0x2400, 0x2FFF, 0xC00)
    for block in map(ipaddress.ip_network, ("2400::/6", "2800::/5")):
        assert not any(block.overlaps(special) for special in _IPV6)

    asked = ["A 10.0.0.1", "A 127.0.0.1", "A 1.2.3.4 x", "AAAA ::1", "AAAA fd00::1", "CNAME y.", ""]
    assert not [record for record in asked if skips(f"x. 60 IN {record}")]
    assert skips("x. 60 IN MX 10 mx.test.")
