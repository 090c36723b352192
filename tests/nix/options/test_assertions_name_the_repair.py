"""Every failed assertion names option, value, reason and repair."""

from typing import Any

import pytest
from chatmail_lab.description.evaluate import evaluate
from nixtest.checkout import CHECKOUT
from nixtest.relay import DOMAIN

# case -> (values, how the message begins, the repair in it)
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no domain": ({"domain": None}, "domain = null", "Write the one that stands behind the @"),
    "upper case": (
        {"domain": "Chat.Example.org"},
        'domain = "Chat.Example.org"',
        "Write the name that stands behind the @",
    ),
    "a name without a dot": ({"domain": "localhost"}, 'domain = "localhost"', "such as"),
    "an invalid IP address": ({"domain": "192.0.2.300"}, 'domain = "192.0.2.300"', "such as"),
    "neither IPv4 nor IPv6": (
        {"ipv4": {"enable": False}, "ipv6": {"enable": False}},
        "ipv4.enable = false",
        "Set one of the two to true",
    ),
    "an IPv4 address without IPv4": (
        {"domain": "192.0.2.1", "ipv4": {"enable": False}},
        "ipv4.enable = false",
        "take a domain name",
    ),
    "the relay's own domain is blocked": (
        {"domains": {"blocked": ["example.org", DOMAIN]}},
        f'domains.blocked = ["example.org","{DOMAIN}"]',
        "Remove it",
    ),
    "the relay's own domain is allowed": (
        {"domains": {"allowedOnly": [DOMAIN]}},
        f'domains.allowedOnly = ["{DOMAIN}"]',
        "list domains of other servers",
    ),
    "a domain is allowed and blocked": (
        {"domains": {"allowedOnly": ["a.example.net"], "blocked": ["example.net"]}},
        'domains.allowedOnly = ["a.example.net"]',
        "Remove them from one of the two lists",
    ),
    "an IP address that is none": (
        {"domains": {"blocked": ["[192.0.2.256]"]}},
        'domains = ["[192.0.2.256]"]',
        'Write it as in "[192.0.2.1]"',
    ),
    "characters that clients need are missing": (
        {"accounts": {"userNameCharacters": "abc"}},
        'accounts.userNameCharacters = "abc"',
        "Include all of",
    ),
    "large messages are kept longer": (
        {"retention": {"deleteAfterDays": 5, "deleteLargeAfterDays": 6}},
        "retention.deleteLargeAfterDays = 6",
        "Set it to 5 or less",
    ),
    "accounts are deleted before their messages": (
        {"retention": {"deleteInactiveAfterDays": 10}},
        "retention.deleteInactiveAfterDays = 10",
        "Set it to 20 or more",
    ),
    "a mailbox smaller than two messages": (
        {"retention": {"quotaMegabytes": 30}},
        "retention.quotaMegabytes = 30",
        "Set it to 61 or more",
    ),
    "a key without a certificate": (
        {"tls": {"mode": "files", "keyFile": "/k.pem"}},
        "tls.certificateFile = null",
        "Set it to a PEM file",
    ),
    "a certificate without a key": (
        {"tls": {"certificateFile": "/c.pem"}},
        "tls.keyFile = null",
        "Set it to the PEM file",
    ),
    "a certificate that ACME does not use": (
        {"tls": {"mode": "acme", "certificateFile": "/c.pem"}},
        'tls.certificateFile = "/c.pem"',
        "Remove it",
    ),
    "ACME for a name with an underscore": (
        {"domain": "_chat.example.org", "tls": {"mode": "acme"}},
        'tls.mode = "acme"',
        "self-signed",
    ),
    "numbers for everybody": (
        {"monitoring": {"metrics": {"address": "192.0.2.1"}}},
        'monitoring.metrics.address = "192.0.2.1"',
        "Set monitoring.metrics.tokenFile",
    ),
    "backups without a place": (
        {"backup": {"enable": True, "passwordFile": "/p"}},
        "backup.repository = null",
        "Set it to a path on another disk",
    ),
    "backups in what they copy": (
        {"backup": {"repository": "/var/lib/chatmail/mail/copies"}},
        'backup.repository = "/var/lib/chatmail/mail/copies"',
        "Set it to a directory on another disk",
    ),
    "a password in a location": (
        {"backup": {"repository": "rest:https://me:secret@backup.example.org/"}},
        'backup.repository = "…"',
        "Write RESTIC_REST_USERNAME",
    ),
    "backups without a password": (
        {"backup": {"enable": True, "repository": "/mnt/disk"}},
        "backup.passwordFile = null",
        "Set it to a file with a long random password",
    ),
    "a password that everybody reads": (
        {"backup": {"passwordFile": "/nix/store/x/password"}},
        'backup.passwordFile = "/nix/store/x/password"',
        "of a file that is outside of it",
    ),
    "keys that everybody reads": (
        {"backup": {"environmentFile": "/nix/store/x/keys"}},
        'backup.environmentFile = "/nix/store/x/keys"',
        "of a file that is outside of it",
    ),
    "a selector twice": (
        {"dkim": {"publishedSelectors": ["chatmail"]}},
        'dkim.publishedSelectors = ["chatmail"]',
        "List the other selectors only",
    ),
}


@pytest.fixture(scope="module")
def failures(root: Any) -> dict[str, list[str]]:
    """Case -> messages of failed assertions; one evaluation for all."""
    relays = {
        name: {"enable": True, "domain": DOMAIN} | values for name, (values, _, _) in WRONG.items()
    }
    return {name: relay["failures"] for name, relay in evaluate(root, relays).items()}


@pytest.mark.parametrize("name", WRONG)
def test_an_assertion_names_option_value_and_repair(
    failures: dict[str, list[str]], name: str
) -> None:
    """There is one message, with option, value and repair."""
    _, begin, repair = WRONG[name]

    assert len(failures[name]) == 1, failures[name]
    message = failures[name][0]
    assert message.startswith(f"services.chatmail.{begin}: "), message
    assert repair in message, message


def test_every_assertion_has_a_case(failures: dict[str, list[str]]) -> None:
    """A new assertion needs a case here; assertions differ in option or reason."""
    text = (CHECKOUT / "modules/chatmail/assertions.nix").read_text()
    declared = sorted(
        line.split('"')[1] for line in text.splitlines() if line.startswith("  (check ")
    )

    # two cases of one assertion have the same reason
    reasons = {
        (begin.split(" = ")[0], failures[name][0].split(": ", 1)[1])
        for name, (_, begin, _) in WRONG.items()
    }

    assert declared == sorted(option for option, _ in reasons)
