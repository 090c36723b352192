"""The evaluation refuses a value outside of the type of its option, and names the option."""

from typing import Any

import pytest
from chatmail_lab.errors import LabError
from nixtest.relay import Describe

WRONG: list[tuple[str, dict[str, Any]]] = [
    ("services.chatmail.domain", {"domain": 5}),
    ("services.chatmail.accounts.userNameMinLength", {"accounts": {"userNameMinLength": 0}}),
    ("services.chatmail.accounts.userNameMinLength", {"accounts": {"userNameMinLength": 10}}),
    ("services.chatmail.accounts.userNameMaxLength", {"accounts": {"userNameMaxLength": 65}}),
    ("services.chatmail.accounts.userNameMaxLength", {"accounts": {"userNameMaxLength": 8}}),
    ("services.chatmail.accounts.passwordMinLength", {"accounts": {"passwordMinLength": 23}}),
    ("services.chatmail.accounts.userNameCharacters", {"accounts": {"userNameCharacters": "A"}}),
    ("services.chatmail.domains.blocked", {"domains": {"blocked": ["bücher.example"]}}),
    ("services.chatmail.domains.blocked", {"domains": {"blocked": ["Example.org"]}}),
    ("services.chatmail.domains.blocked", {"domains": {"blocked": [".example.org"]}}),
    ("services.chatmail.domains.allowedOnly", {"domains": {"allowedOnly": ["192.0.2.0/24"]}}),
    ("services.chatmail.mail.maxMessageBytes", {"mail": {"maxMessageBytes": "30M"}}),
    ("services.chatmail.mail.maxRecipients", {"mail": {"maxRecipients": 99}}),
    ("services.chatmail.mail.bounceAfterDays", {"mail": {"bounceAfterDays": 8}}),
    ("services.chatmail.mail.fsync", {"mail": {"fsync": "no"}}),
    ("services.chatmail.retention.deleteAfterDays", {"retention": {"deleteAfterDays": 0}}),
    ("services.chatmail.retention.deleteAfterDays", {"retention": {"deleteAfterDays": 21}}),
    ("services.chatmail.limits.imapConnections", {"limits": {"imapConnections": -1}}),
    ("services.chatmail.tls.mode", {"tls": {"mode": "none"}}),
    ("services.chatmail.tls.certificateFile", {"tls": {"certificateFile": "cert.pem"}}),
    ("services.chatmail.dkim.selector", {"dkim": {"selector": "a.b"}}),
    ("services.chatmail.push.notifierUrl", {"push": {"notifierUrl": "http://example.org/"}}),
    ("services.chatmail.registration.automatic", {"registration": {"automatic": "never"}}),
    ("services.chatmail.registration.automatic", {"registration": {"automatic": 0}}),
    ("services.chatmail.registration.maxLoad", {"registration": {"maxLoad": 0}}),
    ("services.chatmail.stateDir", {"stateDir": "/srv/chatmail/"}),
    ("services.chatmail.backup.repository", {"backup": {"repository": "ftp://backup.example.org"}}),
    ("services.chatmail.backup.passwordFile", {"backup": {"passwordFile": "password"}}),
    ("services.chatmail.web.port443", {"web": {"port443": "on"}}),
    ("services.chatmail.web.contact.mail", {"web": {"contact": {"mail": "somebody"}}}),
]


@pytest.mark.parametrize(("option", "values"), WRONG, ids=[option for option, _ in WRONG])
def test_the_option_is_named(describe: Describe, option: str, values: dict[str, Any]) -> None:
    """The error has the full name of the option."""
    with pytest.raises(LabError, match=f"`{option}'"):
        describe(values)


def test_an_unknown_option_is_named(describe: Describe) -> None:
    """A misspelled option is an error."""
    with pytest.raises(LabError, match=r"mail\.maxMesageBytes' does not exist"):
        describe({"mail": {"maxMesageBytes": 5}})
