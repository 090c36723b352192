"""Hand messages to Dovecot as Postfix does: Postfix itself would ask other services first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from chatmail_testkit.relays.registration import SETTINGS
from chatmail_testkit.relays.target import Machine

_SOCKET: Final = "/var/lib/postfix/queue/private/dovecot-lmtp"
# on a front no other user reaches the stores
_AS_POSTFIX: Final = ("setpriv", "--reuid=postfix", "--regid=postfix", "--clear-groups")
# a program begins with it: `dovecot()` is a new connection, `arguments` are those of the program
_BEGIN: Final = """
import json, smtplib, sys

host, port, *arguments = sys.argv[1:]

def dovecot():
    return smtplib.LMTP(host, int(port))

"""
_DELIVER: Final = """
with dovecot() as lmtp:
    lmtp.sendmail(arguments[0], arguments[1], sys.stdin.buffer.read())
"""


def deliver(
    machine: Machine, sender: str, recipient: str, message: bytes, store: Machine | None = None
) -> None:
    """Delivers a message to the mailbox of an address; `store` is where it is."""
    store = store or machine.store_of(recipient)
    run_with_lmtp(machine, store, _DELIVER, sender, recipient, stdin=message)


def run_with_lmtp(
    machine: Machine, store: Machine, program: str, *arguments: str, stdin: bytes = b""
) -> str:
    """Returns the output of a program of Python that has `dovecot()` and `arguments`."""
    front = machine.fronts[0]
    command = ("python3", "-c", _BEGIN + program)
    if front is store:
        return front.run(*command, _SOCKET, "0", *arguments, stdin=stdin)
    address, port = _address(front, store)
    return front.run(*_AS_POSTFIX, *command, address, port, *arguments, stdin=stdin)


def _address(front: Machine, store: Machine) -> Sequence[str]:
    """Returns IP address and port of the LMTP of a store."""
    settings: dict[str, Any] = json.loads(front.run("cat", SETTINGS))
    name = store.run("cat", SETTINGS)
    found = settings["cluster"]["stores"][json.loads(name)["cluster"]["machine"]]
    return str(found["address"]), str(settings["ports"]["lmtp"])
