"""The format of new mailboxes, and the service that converts the others."""

from typing import Final

from chatmail_testkit.relays.target import AS_VMAIL, Machine

UNIT: Final = "chatmail-storage"
MAIL: Final = "/var/lib/chatmail/mail"
_CHOICE: Final = "/var/lib/chatmail/accounts/storage"


def choose(machine: Machine, wanted: str) -> None:
    """Makes `maildir` or `sdbox` the format; the next start of the service converts to it."""
    machine.run(*AS_VMAIL, "sh", "-c", f"echo {wanted} > {_CHOICE}")


def has_ended(machine: Machine) -> bool:
    """Returns whether the conversion has ended well; systemd starts it again after a kill."""
    show = ("systemctl", "show", "--property=ActiveState,Result", UNIT)
    ended = ["Result=success", "ActiveState=inactive"]
    return all(store.run(*show).split() == ended for store in machine.stores)
