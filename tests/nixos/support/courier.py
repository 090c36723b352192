"""A mail client for test machines; its accounts stay the same over reboots.

`courier login WHO`, `courier send FROM TO TEXT`, `courier fetch WHO TEXT`.
`courier sign FROM TO TEXT --key FILE` prints a message, signed with the DKIM key in the file
(selector `s`) for the domain of FROM.

Password and OpenPGP key are derived from the address. `--any-certificate` accepts self-signed
certificates. The clients are those of chatmail-testkit.
"""

from __future__ import annotations

import argparse
import hashlib
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from chatmail_testkit.mail import messages
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.network import NetworkTarget
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Somewhere(NetworkTarget):
    """Relays at their domain or at one other host, optionally with any certificate."""

    address: str | None
    any_certificate: bool

    def host(self, domain: str) -> str:
        """The host to connect to."""
        return self.address or domain

    def tls(self) -> ssl.SSLContext:
        """A context with the authorities of this machine, or one that accepts any certificate."""
        context = ssl.create_default_context()
        if self.any_certificate:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def person(target: Somewhere, address: str) -> Person:
    """The account of an address; always the same for the same address."""
    name, _, domain = address.partition("@")
    digest = hashlib.sha256(address.encode()).digest()
    key = X25519PrivateKey.from_private_bytes(digest)
    return Person(target=target, domain=domain, name=name, password=digest.hex()[:22], key=key)


def arrived(who: Person, text: str, *, within_s: float) -> bool:
    """Whether a message with this text arrives in the inbox within `within_s`."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        if any(letter.text == text for letter in who.inbox()):
            return True
        time.sleep(POLL_S)
    return False


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="courier", description=__doc__)
    parser.add_argument("--host", help="host to connect to instead of the domain of the address")
    parser.add_argument("--any-certificate", action="store_true")
    parser.add_argument("--within", type=float, default=30, metavar="SECONDS")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, arguments in (
        ("login", ["who"]),
        ("send", ["who", "to", "text"]),
        ("fetch", ["who", "text"]),
        ("sign", ["who", "to", "text"]),
    ):
        command = commands.add_parser(name)
        for argument in arguments:
            command.add_argument(argument)
        if name == "sign":
            command.add_argument("--key", type=Path, required=True)
    asked = parser.parse_args()

    target = Somewhere(
        relays=[], inside=False, address=asked.host, any_certificate=asked.any_certificate
    )
    who = person(target, asked.who)
    try:
        if asked.command == "login":
            who.imap.noop()
        elif asked.command == "send":
            who.sends(person(target, asked.to), text=asked.text)
        elif asked.command == "sign":
            message = who.writes(person(target, asked.to), text=asked.text)
            key = asked.key.read_bytes()
            sys.stdout.buffer.write(messages.signed(message, who.domain, "s", key))
        elif asked.command == "fetch" and not arrived(who, asked.text, within_s=asked.within):
            sys.stderr.write(f"no message with this text within {asked.within} s\n")
            return 1
    finally:
        who.leaves()
    return 0


if __name__ == "__main__":
    sys.exit(main())
