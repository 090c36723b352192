"""Messages and troubles of a run with their times, from a seed. Pure functions."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

RELAYS = ("a.test", "b.test", "d.test")
CLASSIC = "c.test"
HOSTS = (*RELAYS, CLASSIC)
USERS_EACH = 5
RELAY_UNITS = (
    *("postfix", "dovecot", "nginx", "unbound"),
    *("chatmail-filter", "chatmail-accounts", "chatmail-transport"),
)
# systemd restarts the units of relays; those of a classic server are restarted by the trouble
CLASSIC_UNITS = ("postfix", "dovecot")
# processes of which one is killed: unit, start of its command line
CHILDREN = (
    *(("postfix", name) for name in ("smtpd", "cleanup", "qmgr", "smtp", "lmtp", "tlsmgr")),
    *(("dovecot", f"dovecot/{name}") for name in ("lmtp", "imap", "auth", "imap-login", "anvil")),
)
CHILDREN_EACH = 5  # of them, for each relay
CLOCK_STEPS = ("+0003600", "-0003600")  # an hour forwards, and an hour back
# seconds that each kind of trouble lasts; kills are over at once
LASTS_S = {
    "kill": 0.0,
    "kill-child": 0.0,
    "cut": 8.0,
    "loss": 25.0,
    "full-disk": 15.0,
    "full-inodes": 15.0,
    "clock": 25.0,
    "certificate": 15.0,
    "dns-wrong-mx": 15.0,
    "dns-servfail": 15.0,
    "dns-silent": 15.0,
    "dns-slow": 20.0,
}
KINDS = tuple(LASTS_S)
GAP_S = 4.0  # between two troubles: time for their commands
# size in bytes, and share of messages in percent
SIZES = ((2_000, 70.0), (15_000, 22.0), (80_000, 7.0), (600_000, 0.9), (4_000_000, 0.1))
GROUP_SHARE = 0.2  # share of messages with a recipient on each host


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A failure of a host: `detail` is what fails, the times are seconds since the start."""

    kind: str
    host: str
    detail: str
    begin_s: float
    lasts_s: float

    @property
    def name(self) -> str:
        """The text that the test prints."""
        lasting = f" for {self.lasts_s:g} s" if self.lasts_s else ""
        return f"{self.host}: {self.kind} {self.detail}".rstrip() + lasting


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A message to send: people are numbers of `users`, `due_s` is seconds since the start."""

    number: int
    due_s: float
    sender: int
    recipients: Sequence[int]
    size_bytes: int


def host_of(person: int) -> str:
    """Return the host of a person."""
    return HOSTS[person // USERS_EACH]


def letters(seed: int, count: int, seconds: float) -> list[Letter]:
    """Return the messages: senders in turn, recipients on all hosts, a steady pace."""
    chance = random.Random(f"letters {seed}")  # noqa: S311 - to be repeatable
    people = range(len(HOSTS) * USERS_EACH)
    sizes, weights = zip(*SIZES, strict=True)
    order = chance.sample(people, len(people))
    listed = []
    for number in range(count):
        together = chance.random() < GROUP_SHARE
        hosts = range(len(HOSTS)) if together else [chance.randrange(len(HOSTS))]
        size = chance.choices(sizes, weights)[0] * chance.uniform(0.7, 1.3)
        listed.append(
            Letter(
                number=number,
                due_s=seconds * number / count,
                sender=order[number % len(order)],
                recipients=[host * USERS_EACH + chance.randrange(USERS_EACH) for host in hosts],
                size_bytes=int(size),
            )
        )
    return listed


def troubles(seed: int, seconds: float, only: str = "") -> list[Trouble]:
    """Return the failures, one after the other, spread over `seconds`.

    At least one of each kind (or of the kind `only`), and as many others as there is time for.
    """
    chance = random.Random(f"troubles {seed}")  # noqa: S311 - to be repeatable
    possible = [each for each in _possible(chance) if only in ("", each.kind)]
    chance.shuffle(possible)
    first_of_kind = {each.kind: each for each in reversed(possible)}
    others = [each for each in possible if each not in first_of_kind.values()]
    chosen, used_s = list(first_of_kind.values()), 0.0
    used_s = sum(each.lasts_s + GAP_S for each in chosen)
    for each in others:
        if used_s + each.lasts_s + GAP_S <= seconds:
            chosen.append(each)
            used_s += each.lasts_s + GAP_S
    chance.shuffle(chosen)
    return list(_spread(chosen, seconds))


def _spread(chosen: Sequence[Trouble], seconds: float) -> Iterator[Trouble]:
    """Yield the troubles with their times; the pauses between them are equal."""
    lasting_s = sum(each.lasts_s for each in chosen)
    pause_s = max(0.0, seconds - lasting_s) / (len(chosen) + 1)
    at_s = pause_s
    for each in chosen:
        yield Trouble(
            kind=each.kind,
            host=each.host,
            detail=each.detail,
            begin_s=round(at_s, 1),
            lasts_s=each.lasts_s,
        )
        at_s += each.lasts_s + pause_s


def _possible(chance: random.Random) -> Iterator[Trouble]:
    """Yield every failure of the catalogue, without times."""
    for relay in RELAYS:
        yield from (_trouble("kill", relay, unit) for unit in RELAY_UNITS)
        children = chance.sample(CHILDREN, CHILDREN_EACH)
        yield from (_trouble("kill-child", relay, " ".join(child)) for child in children)
        yield from (_trouble(kind, relay) for kind in ("full-disk", "full-inodes", "certificate"))
        yield from (_trouble("clock", relay, step) for step in CLOCK_STEPS)
    yield from (_trouble("kill", CLASSIC, unit) for unit in CLASSIC_UNITS)
    yield from (_trouble(kind, host) for kind in ("cut", "loss") for host in HOSTS)
    for kind in ("dns-servfail", "dns-silent"):
        yield from (_trouble(kind, host) for host in (chance.choice(RELAYS), CLASSIC))
    for host, other in itertools.islice(itertools.pairwise((*RELAYS, CLASSIC)), 1, None):
        yield _trouble("dns-wrong-mx", host, other)
    yield _trouble("dns-wrong-mx", CLASSIC, "client.test")
    yield from (_trouble("dns-slow", "dns") for _ in range(2))


def _trouble(kind: str, host: str, detail: str = "") -> Trouble:
    return Trouble(kind=kind, host=host, detail=detail, begin_s=0.0, lasts_s=LASTS_S[kind])
