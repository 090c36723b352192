"""Programs of PyPI that probe relays, and profiles for them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

from chatmail_testkit.relays.target import Target
from delta_chat.server import core, profile

# program and arguments -> how it ended
Prober = Callable[..., subprocess.CompletedProcess[str]]


def make_profile(accounts: Path, target: Target, domain: str) -> None:
    """Make a profile that accepts the lab's certificates: core trusts its own authorities only."""
    accounts.parent.mkdir(parents=True, exist_ok=True)
    with core(accounts) as chats:
        profile(chats, target, domain, "prober")
