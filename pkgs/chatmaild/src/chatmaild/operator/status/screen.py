"""Screen and JSON document of a state."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

from chatmaild.operator.status import rows
from chatmaild.operator.status.problems import Problem
from chatmaild.operator.status.queue import Destination, age, words
from chatmaild.operator.status.state import Certificate, Flow, State
from chatmaild.store.space import shortage

_WIDTH: Final = 15
# counters of the last hour: words, name, and the label that counts
_FLOW: Final = (
    ("delivered", "chatmail_deliveries_total", 'result="delivered"'),
    ("in over HTTPS", "chatmail_https_in_total", 'code="250"'),
    ("out over HTTPS", "chatmail_https_out_total", 'outcome="delivered"'),
    ("logins", "chatmail_logins_total", 'result="accepted"'),
    ("new addresses", "chatmail_addresses_created_total", ""),
    ("automatic ones", "chatmail_addresses_created_total", 'kind="automatic"'),
    ("notifications", "chatmail_notifications_total", 'result="200"'),
)

# parts of the JSON document that a role does not have
_ABSENT: Final = {
    "all": ("role", "machine", "machines", "moves", "identity"),
    "front": ("watches", "watches_wanted", "storage", "moves", "identity"),
    "store": ("certificate", "queue", "queued", "domains"),
}


def lines(state: State, problems: Sequence[Problem], notes: Sequence[Problem] = ()) -> list[str]:
    """The lines of the screen, with colours; click removes them unless on a terminal."""
    shown = [f"{name:<{_WIDTH}}{_coloured(text, well)}" for name, text, well in _rows(state)]
    return [*shown, "", *_noted(notes), *_verdict(problems)]


def _rows(state: State) -> Iterator[tuple[str, str, bool]]:
    """Yield what this machine has: name, text, and whether it is well."""
    certificate = state.certificate
    yield "relay", _relay(state), True
    if certificate is not None:
        yield "certificate", _certificate(certificate, state.now_s), not certificate.problem
    of_all = rows.of_all_stores(state)
    yield "registration", "; ".join(state.registration) + of_all, True
    yield "invites", f"{state.invites} usable{of_all}", True
    total = state.people + state.tests
    kinds = f"{state.people} of people, {state.tests} of tests"
    yield "addresses", f"{total}: {kinds}{of_all}", True
    yield "sessions", ", ".join(f"{n} {kind}" for kind, n in state.sessions.items()), True
    yield "last hour", flow(state.flow, state.now_s, state.role) + of_all, True
    if state.queue is not None:
        yield "queue", _queue(state.queue, state), not isinstance(state.queue, str)
    yield "notifications", f"{state.notifications} waiting{of_all}", True
    yield "space", _space(state), shortage(state.spaces) is None
    yield "load", _number(state.load), True
    yield "free memory", f"{_number(state.free_memory_megabytes)} MiB", True
    yield "units", *_units(state)
    yield "selftest", *_selftest(state)
    yield "backup", *_backup(state)
    yield "upgrade", _upgrade(state), True
    if state.role != "front":
        yield "mailboxes", *_storage(state)
    if state.role == "store":
        yield "moves", str(state.moves), not state.moves.problem
    for machine in state.machines:
        yield machine.name, *rows.of_machine(machine)


def document(state: State, problems: Sequence[Problem], notes: Sequence[Problem] = ()) -> str:
    """The same as JSON; times in Unix seconds."""
    table: dict[str, Any] = dataclasses.asdict(state)
    for name in ("listing", *_ABSENT[state.role]):
        del table[name]
    if state.certificate is not None:
        expires = state.certificate.expires
        table["certificate"]["expires"] = None if expires is None else expires.timestamp()
    table["selftest"] = None if state.selftest is None else json.loads(state.selftest.to_json())
    table["problems"] = [dataclasses.asdict(problem) for problem in problems]
    table["notes"] = [dataclasses.asdict(note) for note in notes]
    table["well"] = not problems
    return json.dumps(table, indent=2)


def flow(found: Flow, now_s: float, role: str = "all") -> str:
    """The counters of the last hour in words."""
    if found.since_s is None:
        return "unknown"
    parts = [
        f"{sum(n for key, n in found.counts.items() if _is(key, name, label))} {word}"
        for word, name, label in _FLOW
        # a store has no part in them
        if role != "store" or "https" not in name
    ]
    minutes = min((now_s - found.since_s) / 60, 60)
    note = "" if minutes >= 59 else f" (of {minutes:.0f} min: a service was started)"
    return ", ".join(parts) + note


def _is(key: str, name: str, label: str) -> bool:
    return key.partition("{")[0] == name and label in key


def _coloured(text: str, well: bool) -> str:
    return text if well else click.style(text, fg="red")


def _noted(notes: Sequence[Problem]) -> list[str]:
    shown = []
    for note in notes:
        shown.append(click.style(f"note: {note.sentence}", fg="yellow"))
        if note.repair:
            shown.append(f"  repair: {note.repair}")
    return shown


def _verdict(problems: Sequence[Problem]) -> list[str]:
    if not problems:
        return [click.style("well", fg="green", bold=True)]
    shown = []
    for problem in problems:
        shown.append(click.style(f"wrong: {problem.sentence}", fg="red", bold=True))
        shown.append(f"  repair: {problem.repair}")
    return shown


def _certificate(found: Certificate, now_s: float) -> str:
    if found.problem is not None:
        return found.problem
    if found.expires is None:
        return found.mode
    days = (found.expires - datetime.fromtimestamp(now_s, UTC)).days
    return f"{found.mode}, until {found.expires:%Y-%m-%d} ({days} days)"


def _relay(state: State) -> str:
    text = f"{state.domain}, version {state.version}"
    return text if state.machine is None else f"{text}, {state.machine}"


def _queue(found: list[Destination] | str, state: State) -> str:
    if isinstance(found, str):
        return found
    return words(found, state.queued, now_s=state.now_s)


def _space(state: State) -> str:
    return ", ".join(map(str, state.spaces))


def _units(state: State) -> tuple[str, bool]:
    if isinstance(state.units, str):
        return state.units, False
    wrong = [f"{unit.name} is {unit.active}" for unit in state.units if not unit.is_well]
    return ", ".join(wrong) or f"all {len(state.units)} run", not wrong


def _selftest(state: State) -> tuple[str, bool]:
    if state.selftest is None:
        return "never: chatmail selftest", True
    when = f"{age(state.now_s - state.selftest.time.timestamp())} ago"
    names = ", ".join(check.name for check in state.selftest.failed)
    return (f"failed at {names}, {when}", False) if names else (f"well, {when}", True)


def _backup(state: State) -> tuple[str, bool]:
    last = state.backup
    if last is None:
        return "none: services.chatmail.backup", True
    if last.succeeded_s is None:
        return "never", False
    what = "with mail" if last.with_mail else "without mail"
    text = f"{age(state.now_s - last.succeeded_s)} ago, {what}, {last.size_bytes / 1e6:.1f} MB"
    return f"{text}; the last one failed" if last.problem else text, last.problem is None


def _upgrade(state: State) -> str:
    if state.upgrade is None:
        return "none by chatmail-upgrade"
    return f"{state.upgrade.get('outcome')}, {state.upgrade.get('started')}"


def _storage(state: State) -> tuple[str, bool]:
    wanted, failed = state.storage.get("format"), state.storage.get("failed")
    if wanted is None:
        return "not converted yet", True
    parts = [str(wanted)]
    if left := state.storage.get("left"):
        parts.append(f"{left} are being converted")
    if failed:
        parts.append(f"{failed} could not be converted")
    return ", ".join(parts), not failed


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.1f}" if value < 100 else f"{value:.0f}"
