"""A program with the arguments of lego: it answers as a server would, without one."""

import json
from pathlib import Path

from chatmaild.operator.acme.orders import Orders

SERVER = "https://acme.example:14000/directory"
URL = "https://acme.example/account/7"
EMAIL = "postmaster@chat.example.org"

_PROGRAM = """#!/bin/sh
echo "$*" >> {log}
case $* in *--domains*chat.example.org*renew) ;; *) exit 2 ;; esac
while [ "$1" != --path ]; do shift; done
{answer}
echo 'no certificate to renew'
exit 1
"""
# what lego prints: an error as Go prints a structure
_UNKNOWN = """&acme.ProblemDetails{Type:"urn:ietf:params:acme:error:accountDoesNotExist"}"""


class StandIn:
    """The machine's orders with this program; `log` has a line for each call."""

    def __init__(self, directory: Path) -> None:
        self.log = directory / "calls"
        self.program = directory / "lego"
        self.orders = Orders(
            server=SERVER,
            email=EMAIL,
            accounts=directory / "acme" / ".lego" / "accounts" / "0123456789abcdef0123",
            user="acme",
            unit="acme-order-renew-chat.example.org.service",
            lego=str(self.program),
        )
        self.answers()

    @property
    def calls(self) -> list[str]:
        """The arguments of each call."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def answers(self, status: str = "valid", url: str = URL) -> None:
        """The server knows the account."""
        document = {"email": EMAIL, "registration": {"body": {"status": status}, "uri": url}}
        home = self.orders.home.relative_to(self.orders.accounts)
        file = f'"$2/accounts/{home}/account.json"'
        self._write(f"cat > {file} <<'END'\n{json.dumps(document)}\nEND")

    def knows_no_account(self) -> None:
        """The server knows no account with this key."""
        self._write(f"echo '{_UNKNOWN}'")

    def is_silent(self) -> None:
        """Nobody answers."""
        self._write("echo 'connection refused'")

    def facts(self) -> str:
        """What NixOS writes about it."""
        return json.dumps(
            {
                "server": self.orders.server,
                "email": self.orders.email,
                "accounts": str(self.orders.accounts),
                "user": self.orders.user,
                "unit": self.orders.unit,
                "lego": self.orders.lego,
            }
        )

    def _write(self, answer: str) -> None:
        self.program.write_text(_PROGRAM.format(log=self.log, answer=answer))
        self.program.chmod(0o755)
