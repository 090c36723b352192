"""scripts/scale storage: compares formats of mailboxes and settings of indexes on real relays.

Each candidate is a relay of one lab. They take turns, so that other programs disturb all alike.
CPU time is that of Dovecot's control group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import click
import labs
from steps import say, step
from storage.mailbox import SAMPLE, Mailbox

LAB: Final = "storage-bench"
CONFIG: Final = labs.CHECKOUT / "scripts" / "lib" / "bench" / "ours.nix"
SIZES: Final = (100, 1000, 2000, 4000, 10_000)
TURNS: Final = 3
MAILDIR: Final = 'mail_driver = maildir\nquota "User quota" {\n  driver = maildir\n}\n'
SDBOX: Final = 'mail_driver = sdbox\nquota "User quota" {\n  driver = count\n}\n'
STOCK_LOGS: Final = """\
mail_index_log_rotate_min_size = 32k
mail_index_log_rotate_max_size = 1M
mail_index_log_rotate_min_age = 5mins
mail_index_rewrite_min_log_bytes = 8k
mail_index_rewrite_max_log_bytes = 128k
"""
SMALL_LOGS: Final = """\
mail_index_log_rotate_min_size = 8k
mail_index_log_rotate_max_size = 32k
mail_index_log_rotate_min_age = 1s
mail_index_rewrite_min_log_bytes = 4k
mail_index_rewrite_max_log_bytes = 16k
"""
SMALL_CACHE: Final = "mail_cache_max_size = 500k\nmail_always_cache_fields =\n"
LARGE_CACHE: Final = "mail_cache_max_size = 64M\nmail_always_cache_fields =\n"
FIELDS: Final = """\
mail_always_cache_fields = size.virtual hdr.message-id hdr.date \
hdr.x-microsoft-original-message-id hdr.from hdr.content-type hdr.secure-join hdr.chat-version \
hdr.chat-is-post-message hdr.autocrypt-setup-message
"""
CANDIDATES: Final = {
    "maildir": MAILDIR + STOCK_LOGS + SMALL_CACHE,
    "maildir, small logs": MAILDIR + SMALL_LOGS + LARGE_CACHE,
    "sdbox": SDBOX + STOCK_LOGS + LARGE_CACHE,
    "sdbox, small logs": SDBOX + SMALL_LOGS + LARGE_CACHE,
    "sdbox, small logs, fields": SDBOX + SMALL_LOGS + LARGE_CACHE + FIELDS,
}


@dataclass(slots=True)
class Candidate:
    """A relay with its settings, and what was measured there."""

    name: str
    settings: str
    mailbox: Mailbox
    found: dict[str, float] = field(default_factory=dict)

    def prepare(self) -> None:
        """Take the settings into use, and create the address."""
        take = "cat >> /etc/dovecot/dovecot.conf && systemctl restart dovecot"
        labs.output(LAB, self.mailbox.relay, "sh", "-c", take, stdin=self.settings)
        self.mailbox.client("list")

    def client(self, action: str) -> None:
        """Let a client do it; note time, and the CPU time of Dovecot."""
        key = f"{action} again" if f"{action} ms" in self.found else action
        used_ms, cpu_ms = self.mailbox.client(action)
        self.found |= {f"{key} ms": used_ms, f"{key} cpu ms": cpu_ms}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(CANDIDATES)))
@click.option("--most", default=SIZES[-1], show_default=True, help="Messages in the mailbox.")
@click.option("--keep", is_flag=True, help="Do not take the lab down at the end.")
def main(*, only: Sequence[str], most: int, keep: bool) -> None:
    """Print what a delivery and a client cost with each format."""
    names = [name for name in CANDIDATES if not only or name in only]
    relays = [f"{letter}.test" for letter in "abcdefgh"[: len(names)]]
    candidates = [
        Candidate(name, CANDIDATES[name], Mailbox(LAB, relay))
        for name, relay in zip(names, relays, strict=True)
    ]
    try:
        labs.up(LAB, relays, CONFIG, disk="2G")
        for one in candidates:
            one.prepare()
        for size in [size for size in SIZES if size <= most]:
            with step(f"{size} messages"):
                _deliver(candidates, size)
        for action in ("sync", "sync", "fetch", "expunge"):
            for one in candidates:
                one.client(action)
        for one in candidates:
            one.found |= one.mailbox.disk()
            one.found["lines about the cache"] = one.mailbox.complaints()
    finally:
        if not keep:
            labs.down(LAB)
    _print(candidates)


def _deliver(candidates: Sequence[Candidate], size: int) -> None:
    for one in candidates:
        one.mailbox.fill(size)
    best: dict[str, Mapping[str, float]] = {}
    for _ in range(TURNS):
        for one in candidates:
            figures = one.mailbox.deliver(SAMPLE)
            if one.name not in best or figures["cpu_ms"] < best[one.name]["cpu_ms"]:
                best[one.name] = figures
    for one in candidates:
        one.found[f"delivery at {size} cpu ms"] = best[one.name]["cpu_ms"]
        one.found[f"delivery at {size} ms"] = best[one.name]["ms"]


def _print(candidates: Sequence[Candidate]) -> None:
    say("")
    say(f"{'':28}" + "".join(f"{one.name:>28}" for one in candidates))
    for key in candidates[0].found:
        say(f"{key:28}" + "".join(f"{one.found[key]:28.2f}" for one in candidates))


if __name__ == "__main__":
    main()
