"""What the lab needs to know about the commands of the pages; most new commands need nothing.

A command that cannot run there has its block marked, such as ```sh nixos, and an entry in NOT_RUN.
Tables name commands by their first words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# in docs, in the order in which they are run
PAGES: Final = (
    "operate.md",
    "operate/people.md",
    "operate/domains.md",
    "operate/monitoring.md",
    "operate/upkeep.md",
    "operate/upstream.md",
)
# commands in prose that are run, too, if they begin with one of these
PROGRAMS: Final = ("chatmail", "chatmaild", "journalctl", "nft", "runuser")

# second word of a block with a command of NOT_RUN
MARKERS: Final[Mapping[str, str]] = {
    "nixos": "it needs NixOS",
    "elsewhere": "it is typed on another machine",
    "apart": "a scenario of its own runs it",
}

# what the pages call things; the scenario replaces them
DOMAIN: Final = "chat.example.org"
ADDRESS: Final = "alice1234@chat.example.org"
OTHER: Final = "mail.example.net"

_NO_NIX: Final = "the lab's relays are Debian, and have no flake"
_NO_ACME: Final = "the lab has no ACME server; tests/nixos/mail orders certificates"
_TWO_MACHINES: Final = "tests/e2e/move runs it, in a lab with a second machine"
NOT_RUN: Final[Mapping[str, str]] = {
    f"systemctl start acme-order-renew-{DOMAIN}": _NO_ACME,
    f"journalctl --unit acme-order-renew-{DOMAIN}": _NO_ACME,
    f"nc -vz {DOMAIN} 25": "typed on another machine",
    f"ssh -L 3000:127.0.0.1:3000 root@{DOMAIN}": "typed on another machine, and never ends",
    "cat /var/lib/grafana/chatmail-admin-password": "the lab has no Grafana",
    "chatmail backup restore": "tests/e2e/backup restores on a machine that lost its state",
    "nix flake update": _NO_NIX,
    "nixos-rebuild switch": _NO_NIX,
    "systemctl start chatmail-upgrade": _NO_NIX,
    "cat /var/lib/chatmail-upgrade/last-report.json": _NO_NIX,
    "rsync --archive --relative": "typed on the old machine",
    "systemctl stop postfix dovecot doveauth": "typed on the old machine",
    "chown -R": "typed on a machine of chatmail/relay",
    "ssh root@new.example.org true": _TWO_MACHINES,
    "chatmail move": _TWO_MACHINES,
    "chatmail storage convert": "tests/e2e/mailboxes converts mailboxes in use, both ways",
}

# shell commands that make what a command of a page expects
BEFORE: Final[Mapping[str, str]] = {
    "chatmail import /srv/old --dry-run": "chatmail export /srv/old",
    f"chatmail queue list {OTHER}": (
        f"until chatmail queue list {OTHER} | grep -q '(1)$'; do sleep 0.2; done"
    ),
}

# word of a command that may run until Ctrl-C -> seconds after which it is stopped
ENDLESS: Final[Mapping[str, int]] = {"--follow": 2, "--watch": 20}
