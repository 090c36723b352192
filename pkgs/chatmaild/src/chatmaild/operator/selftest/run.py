"""Run all checks in parallel; an error in one does not stop the others, and nothing is left."""

import contextlib
import queue
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from chatmaild.cli import VERSION
from chatmaild.errors import ChatmaildError
from chatmaild.logs import kind_of
from chatmaild.operator.selftest import mailing
from chatmaild.operator.selftest.machine import (
    certificates,
    clock,
    mail,
    metadata,
    others,
    realtime,
    space,
    units,
    web,
)
from chatmaild.operator.selftest.machine import queue as mail_queue
from chatmaild.operator.selftest.network import dkim, mxdeliv, port25, push, records, resolver, turn
from chatmaild.operator.selftest.people import (
    Person,
    accounts_service,
    is_known,
    two_people,
)
from chatmaild.operator.selftest.report import Check, Report, Verdict, failed
from chatmaild.settings import Settings

# the whole selftest takes less than 20 s
DEADLINE_S: Final = 14.0
# longer than a login takes
ENDING_S: Final = 4.0
_ADDRESS: Final = re.compile(r"[^\s'\"<>{}]+@[^\s'\"<>{},;]+")
_LOOK: Final = "chatmail status; journalctl --priority warning --since -10min"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The input of checks."""

    settings: Settings
    alice: Person | None
    bob: Person | None
    gateway: socket.socket | OSError

    def two(self) -> tuple[Person, Person]:
        """The two addresses.

        Raises:
            NobodyError: they could not be created.
        """
        if self.alice is None or self.bob is None:
            raise NobodyError
        return self.alice, self.bob


class NobodyError(ChatmaildError):
    """The addresses of the test could not be created."""


Run = Callable[[Bench], Check]
CHECKS: Final[dict[str, Run]] = {
    units.NAME: lambda bench: units.check(bench.settings),
    space.NAME: lambda bench: space.check(bench.settings),
    clock.NAME: lambda bench: clock.check(bench.settings),
    resolver.NAME: lambda bench: resolver.check(bench.settings),
    records.NAME: lambda bench: records.check(bench.settings),
    records.REVERSE: lambda bench: records.check_reverse(bench.settings),
    certificates.NAME: lambda bench: certificates.check(bench.settings),
    dkim.NAME: lambda bench: dkim.check(bench.settings),
    mail_queue.NAME: lambda _: mail_queue.check(),
    web.NAME: lambda bench: web.check(bench.settings),
    mail.LOGIN: lambda bench: mail.check_login(bench.settings, bench.two()[0]),
    metadata.NAME: lambda bench: metadata.check(bench.settings, bench.two()[0]),
    mail.PLAIN: lambda bench: mail.check_plain(bench.settings, *bench.two()),
    mail.MESSAGE: lambda bench: mail.check_message(bench.settings, *bench.two()),
    push.NAME: lambda bench: push.check(bench.settings),
    turn.STUN: lambda bench: turn.check_stun(bench.settings),
    turn.TURN: lambda bench: turn.check_turn(bench.settings, bench.two()[0]),
    realtime.NAME: lambda bench: realtime.check(bench.settings),
    mxdeliv.IN: lambda bench: mxdeliv.check_in(bench.settings, bench.two()[1]),
    mxdeliv.OUT: lambda bench: mxdeliv.check_out(bench.settings, bench.gateway),
    port25.IN: lambda bench: port25.check_in(bench.settings, bench.two()[1]),
    port25.OUT: lambda bench: port25.check_out(bench.settings),
}
_MACHINES: Final[dict[str, Run]] = {others.NAME: lambda bench: others.check(bench.settings)}
# the parts of a store: what others connect to is on the fronts
_OF_STORES: Final = (units.NAME, space.NAME, clock.NAME, metadata.NAME, push.NAME)
_BY_ROLE: Final[Mapping[str, dict[str, Run]]] = {
    "all": CHECKS,
    "front": CHECKS | _MACHINES,
    "store": {name: CHECKS[name] for name in _OF_STORES}
    | {mail.LOGIN: lambda bench: mail.check_imap_login(bench.settings, bench.two()[0])}
    | _MACHINES,
}
_ACCOUNTS: Final = "chatmail-accounts"
_DIRECTORY: Final = "chatmail-directory"
# METADATA, and the credentials in it, are answered there
_AT_STORES: Final = (metadata.NAME, turn.TURN)
# for a check that ends with an error: its effect, and the first repair
_LOST: Final[Mapping[str, tuple[str, str]]] = {
    units.NAME: ("systemd cannot be queried", "systemctl status"),
    resolver.NAME: ("the resolver cannot be checked", resolver.REPAIR),
    web.NAME: (
        "no new address is created",
        "systemctl restart nginx chatmail-accounts; journalctl --unit nginx",
    ),
    mail.LOGIN: (
        "logins fail",
        "systemctl restart dovecot postfix chatmail-accounts; journalctl --unit dovecot",
    ),
    mail.PLAIN: ("clear text cannot be tested", mail.FILTER),
    mail.MESSAGE: ("no message is delivered", mail.DELIVERY),
    metadata.NAME: ("clients get no METADATA", metadata.REPAIR),
    turn.TURN: ("calls may not connect", turn.REPAIR),
    realtime.NAME: ("realtime channels of apps do not connect", realtime.REPAIR),
    mxdeliv.IN: (
        "mail from other relays does not arrive over HTTPS",
        "systemctl restart nginx chatmail-transport; journalctl --unit nginx",
    ),
    port25.IN: (
        "mail from other servers does not arrive",
        "systemctl restart postfix chatmail-filter; journalctl --unit postfix",
    ),
}


def checks_of(settings: Settings) -> dict[str, Run]:
    """Return the checks of this machine."""
    return _BY_ROLE[settings.cluster.role]


def run(
    settings: Settings, checks: Mapping[str, Run] | None = None, only: Collection[str] = ()
) -> Report:
    """Run all checks, or those with these names, and remove what they leave."""
    checks = checks_of(settings) if checks is None else checks
    names = [name for name in checks if not only or name in only]
    began, start_s = datetime.now(UTC), time.monotonic()
    with _ends_at_sigterm(), contextlib.ExitStack() as at_the_end:
        alice, bob, why = _people(settings, at_the_end)
        threads: list[threading.Thread] = []
        at_the_end.callback(_let_end, threads)
        is_store = settings.cluster.role == "store"
        gateway = OSError("on the fronts") if is_store else mxdeliv.gateway(settings)
        bench = Bench(settings=settings, alice=alice, bob=bob, gateway=gateway)
        found = side_by_side(
            {name: _guarded(name, checks[name], bench, why) for name in names},
            DEADLINE_S,
            threads,
        )
    return Report(
        version=VERSION,
        time=began,
        duration_s=time.monotonic() - start_s,
        checks=tuple(
            by_role(with_cause(found[name], found.get(units.NAME)), settings.cluster.role)
            for name in names
        ),
    )


def by_role(check: Check, role: str) -> Check:
    """The check; on a front its repair names the service, or the machine, that is at fault."""
    if role != "front" or _ACCOUNTS not in check.repair:
        return check
    if check.name in _AT_STORES:
        return replace(check, repair=f"on the stores: {check.repair}")
    return replace(check, repair=check.repair.replace(_ACCOUNTS, _DIRECTORY))


def with_cause(check: Check, of_units: Check | None) -> Check:
    """The check; if a unit is stopped, the repair is to start it first."""
    if of_units is None or check.name == of_units.name or check.verdict is not Verdict.FAILED:
        return check
    if of_units.verdict is not Verdict.FAILED:
        return check
    return replace(check, repair=f"first {of_units.repair}")


def side_by_side(
    calls: Mapping[str, Callable[[], Check]], deadline_s: float, threads: list[threading.Thread]
) -> dict[str, Check]:
    """Run every call in a thread; one that does not end in time fails.

    Threads that hang end with the process.
    """
    results: queue.SimpleQueue[Check] = queue.SimpleQueue()
    for call in calls.values():
        threads.append(threading.Thread(target=_put, args=(results, call), daemon=True))
        threads[-1].start()
    found: dict[str, Check] = {}
    end_s = time.monotonic() + deadline_s
    with contextlib.suppress(queue.Empty):
        while len(found) < len(calls):
            check = results.get(timeout=max(end_s - time.monotonic(), 0.001))
            found[check.name] = check
    late = {name: _broken(name, f"no result within {deadline_s:.0f} s") for name in calls}
    return late | found


def _put(results: "queue.SimpleQueue[Check]", call: Callable[[], Check]) -> None:
    results.put(call())


def _let_end(threads: Collection[threading.Thread]) -> None:
    """Wait for logins of late checks: a login after the deletion would create the address again."""
    mailing.ENDING.set()
    end_s = time.monotonic() + ENDING_S
    for thread in threads:
        thread.join(max(end_s - time.monotonic(), 0))
    mailing.ENDING.clear()


def without_addresses(text: str) -> str:
    """The text of an error without the addresses in it."""
    return _ADDRESS.sub("...", text)


def _broken(name: str, why: str) -> Check:
    lost, repair = _LOST.get(name, ("cannot be checked", _LOOK))
    return failed(name, f"{lost}: {without_addresses(why).strip()}", repair)


def _guarded(name: str, check: Run, bench: Bench, why: str) -> Callable[[], Check]:
    def call() -> Check:
        try:
            found = check(bench)
        except NobodyError:
            return failed(name, f"no addresses to test with: {why}", _LOOK)
        except Exception as error:
            # libraries for mail, DNS and HTTP raise exceptions of their own
            return _broken(name, f"{type(error).__name__}: {error}")
        return replace(found, sentence=without_addresses(found.sentence))

    return call


def _people(
    settings: Settings, at_the_end: contextlib.ExitStack
) -> tuple[Person | None, Person | None, str]:
    """Two addresses, or the reason why there are none, such as a full disk.

    If the accounts service is down, no check may log in: Dovecot repeats the query when it is back,
    and the answer, after the deletion, would create the address again.
    """
    try:
        alice, bob = at_the_end.enter_context(two_people(settings))
        if not is_known(settings, alice):
            return None, None, f"{accounts_service(settings)} does not know them"
    except (OSError, ChatmaildError) as error:
        return None, None, kind_of(error)
    if settings.cluster.role != "store":
        # before the addresses are deleted: their messages must not come back
        at_the_end.callback(mail_queue.remove_mail_of, (alice, bob))
    return alice, bob, ""


@contextlib.contextmanager
def _ends_at_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that the addresses are deleted."""

    def end(*_: object) -> None:
        raise SystemExit(1)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
