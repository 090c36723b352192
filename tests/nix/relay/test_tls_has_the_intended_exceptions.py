"""The TLS level of each kind of destination, as Postfix looks it up."""

import pytest
from chatmail_lab.image.chroot import path_in_image
from nixtest.relay import InRoot, Relay

LEVELS = {
    "[127.0.0.1]:10083": "may",  # chatmail-transport on this machine
    "[192.0.2.1]": "encrypt",
    "[192.0.2.1]:25": "encrypt",
    "[IPv6:2001:db8::1]": "encrypt",
    "_chat.example.org": "encrypt",
    "nauta.cu": "may",
    # all others
    "chat.example.org": "verify",
    "chat._example.org": "verify",
    "nauta.cu.example.org": "verify",
    "mail.nauta.cu": "verify",
    "xnauta.cu": "verify",
    "192.0.2.1": "verify",
    "127.0.0.1": "verify",
}


@pytest.fixture(scope="module")
def values(default: Relay, in_root: InRoot, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The default level and the table of exceptions, as postconf reads them."""
    directory = path_in_image(default.write(tmp_path_factory.mktemp("relay")) / "etc" / "postfix")
    names = ("smtp_tls_security_level", "smtp_tls_policy_maps")
    return in_root("postconf", "-c", directory, "-hx", *names).stdout.splitlines()


@pytest.mark.parametrize("destination", LEVELS)
def test_a_destination_has_its_level(values: list[str], in_root: InRoot, destination: str) -> None:
    """Literals and `_` need no certificate, nauta.cu no TLS (docs/mail-rules.md)."""
    default_level, exceptions = values
    script = 'postmap -q "$1" "$2" || test $? = 1'  # 1: no entry

    level = in_root("sh", "-c", script, "look-up", destination, exceptions).stdout.strip()

    assert LEVELS[destination] == (level or default_level)
