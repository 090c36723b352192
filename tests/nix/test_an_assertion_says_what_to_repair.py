"""Every value that cannot be, and the message that names option, value, reason and repair."""

from typing import Any

import pytest
from chatmail_lab.description.evaluate import evaluate
from nixtest.relay import CHECKOUT, DOMAIN

# values -> how the message begins, and what to do about it
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "no name": ({"domain": None}, "domain = null", "Write the one that stands behind the @"),
    "upper case": (
        {"domain": "Chat.Example.org"},
        'domain = "Chat.Example.org"',
        "Write the name that stands behind the @",
    ),
    "no domain": ({"domain": "localhost"}, 'domain = "localhost"', "such as"),
    "no address": ({"domain": "192.0.2.300"}, 'domain = "192.0.2.300"', "such as"),
    "reached by nobody": (
        {"ipv4": {"enable": False}, "ipv6": {"enable": False}},
        "ipv4.enable = false",
        "Set one of the two to true",
    ),
    "an address that nobody reaches": (
        {"domain": "192.0.2.1", "ipv4": {"enable": False}},
        "ipv4.enable = false",
        "take a domain name",
    ),
    "characters that clients need": (
        {"accounts": {"userNameCharacters": "abc"}},
        'accounts.userNameCharacters = "abc"',
        "Include all of",
    ),
    "large mail kept longer": (
        {"retention": {"deleteAfterDays": 5, "deleteLargeAfterDays": 6}},
        "retention.deleteLargeAfterDays = 6",
        "Set it to 5 or less",
    ),
    "addresses deleted early": (
        {"retention": {"deleteInactiveAfterDays": 10}},
        "retention.deleteInactiveAfterDays = 10",
        "Set it to 20 or more",
    ),
    "mailboxes too small": (
        {"retention": {"quotaMegabytes": 30}},
        "retention.quotaMegabytes = 30",
        "Set it to 61 or more",
    ),
    "no certificate": (
        {"tls": {"mode": "files", "keyFile": "/k.pem"}},
        "tls.certificateFile = null",
        "Set it to a PEM file",
    ),
    "no key": (
        {"tls": {"certificateFile": "/c.pem"}},
        "tls.keyFile = null",
        "Set it to the PEM file",
    ),
    "certificate in vain": (
        {"tls": {"mode": "acme", "certificateFile": "/c.pem"}},
        'tls.certificateFile = "/c.pem"',
        "Remove it",
    ),
    "no authority": (
        {"domain": "_chat.example.org", "tls": {"mode": "acme"}},
        'tls.mode = "acme"',
        "self-signed",
    ),
    "selector twice": (
        {"dkim": {"publishedSelectors": ["chatmail"]}},
        'dkim.publishedSelectors = ["chatmail"]',
        "List the other selectors only",
    ),
}


@pytest.fixture(scope="module")
def failures(root: Any) -> dict[str, list[str]]:
    """What each of the wrong relays is told; one evaluation for all."""
    relays = {
        name: {"enable": True, "domain": DOMAIN} | values for name, (values, _, _) in WRONG.items()
    }
    return {name: relay["failures"] for name, relay in evaluate(root, relays).items()}


@pytest.mark.parametrize("name", WRONG)
def test_the_message(failures: dict[str, list[str]], name: str) -> None:
    """One message, with option, value and repair."""
    _, begin, repair = WRONG[name]

    assert len(failures[name]) == 1, failures[name]
    message = failures[name][0]
    assert message.startswith(f"services.chatmail.{begin}: "), message
    assert repair in message, message


def test_every_assertion_is_tried(failures: dict[str, list[str]]) -> None:
    """A new assertion needs a wrong value here: each says something that no other says."""
    text = (CHECKOUT / "modules/chatmail/assertions.nix").read_text()
    declared = sorted(
        line.split('"')[1] for line in text.splitlines() if line.startswith("  (check ")
    )

    # the same assertion gives the same reason, whatever the value
    reasons = {
        (begin.split(" = ")[0], failures[name][0].split(": ", 1)[1])
        for name, (_, begin, _) in WRONG.items()
    }

    assert declared == sorted(option for option, _ in reasons)
