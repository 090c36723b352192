"""On which machines of a cluster a command runs, read from the command itself.

A scenario names no machine: it stops `postfix`, lists a mailbox, reads the queue.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final


class Place(Enum):
    """The machines that run a command."""

    # operators' commands, and what is the same on all machines
    FIRST_FRONT = auto()
    FRONTS = auto()
    # the fronts whose queue has mail
    QUEUE = auto()
    # those that have the mailboxes of the addresses in the command; all without an address
    STORES = auto()
    # those that have the units in the command
    UNITS = auto()
    ALL = auto()


_UNITS: Final = re.compile(r"\bsystemctl\b")
_EVERYWHERE: Final = re.compile(
    r"\b(journalctl|logger|systemd-tmpfiles)\b|/(run|var)/log\b|127\.0\.0\.1:8700/metrics"
)
# each machine has logs of its own
_LOGS: Final = re.compile(r"(^|[\s/])chatmail log-mail\b")
_OPERATOR: Final = re.compile(r"(^|[\s/])chatmail( |$)")
_STORES: Final = re.compile(
    r"/var/lib/chatmail/(mail|accounts)\b|/etc/chatmail-nocreate\b|\bdoveadm\b|dovecot|\bimap\b"
    r"|\bchatmaild (expire|quota-clean)\b|/var/tmp/outside"
)
_FRONTS: Final = re.compile(
    r"\bpost(fix|queue|super|cat|conf)\b|\b(nft|nginx|ip|ss|hostname)\b"
    r"|/var/lib/chatmail/(dkim|tls)\b"
)
# also those that end with the name of one of Dovecot's services
_POSTFIX_FILES: Final = re.compile(r"/var/lib/postfix/queue\b")
# the queue is on every front, and what waits for one domain may be on any of them
_QUEUE: Final = re.compile(r"(^|[\s/])chatmail queue\b")
# answers with one number or one word cannot be added up
_ONE_ANSWER: Final = re.compile(r"--write-out|(^|\s)-w\s")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9._+~-]+@[A-Za-z0-9.-]*[A-Za-z0-9]")
# systemctl(1): options with a value in the next word
_WITH_VALUE: Final = {"--property", "-p", "--unit", "-u", "--signal", "-s"}


def place_of(command: Sequence[str]) -> Place:
    """Returns where a command runs."""
    text = " ".join(command)
    # the text of a program is not that of its arguments
    is_program = command[0] == "python3"
    if _LOGS.search(text):
        return Place.ALL
    if _OPERATOR.search(text) and not _QUEUE.search(text) and not is_program:
        return Place.FIRST_FRONT
    if _QUEUE.search(text):
        return Place.QUEUE
    if _UNITS.search(text) and not is_program:
        return Place.UNITS
    if _EVERYWHERE.search(text):
        return Place.FIRST_FRONT if _ONE_ANSWER.search(text) else Place.ALL
    if _POSTFIX_FILES.search(text):
        return Place.FRONTS
    if _STORES.search(text) or addresses_in(command):
        return Place.STORES
    return Place.FRONTS if _FRONTS.search(text) else Place.FIRST_FRONT


def addresses_in(command: Sequence[str], domain: str = "") -> list[str]:
    """Returns the addresses in a command, of one domain or of all."""
    found = dict.fromkeys(one for word in command for one in _ADDRESS.findall(word))
    return [one for one in found if not domain or one.endswith(f"@{domain}")]


def without_addresses(command: Sequence[str], foreign: Sequence[str]) -> list[str]:
    """Returns a command without the words that name addresses of other machines."""
    return [word for word in command if not any(one in word for one in foreign)]


def units_in(command: Sequence[str]) -> list[str]:
    """Returns the units that a call of systemctl names."""
    if command[0] != "systemctl":
        calls = [call.split() for call in re.findall(r"systemctl\s[^;&|\n]*", " ".join(command))]
        return [unit for call in calls for unit in units_in(call)]
    words, is_value = [], False
    for word in command[1:]:
        if not is_value and not word.startswith("-"):
            words.append(word)
        is_value = word in _WITH_VALUE
    return words[1:]  # after the verb


def is_reading(command: Sequence[str]) -> bool:
    """Returns whether a call of systemctl asks for one value."""
    return "--value" in command
