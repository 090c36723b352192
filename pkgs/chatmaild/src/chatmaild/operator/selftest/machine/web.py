"""`/new` offers an address; it is not created, because no login follows."""

import json
from typing import Final

from chatmaild.accounts.registration import RegistrationSwitch, measure, overload
from chatmaild.operator.cluster import remote
from chatmaild.operator.selftest.https import ask_own
from chatmaild.operator.selftest.report import Check, failed, ok, skipped, warned
from chatmaild.settings import Settings

NAME: Final = "new"
STATUS: Final = ("registration", "status")
PATH: Final = "/new"
OK: Final = 200
FORBIDDEN: Final = 403
UNAVAILABLE: Final = 503


def check(settings: Settings) -> Check:
    """Ask for an address, and decide."""
    if settings.cluster.role != "front":
        stopped, busy = _here(settings)
        status, body = ask_own(settings, "POST", PATH)
    else:
        status, body = ask_own(settings, "POST", PATH)
        stopped, busy = (None, None) if status == OK else _on_stores(settings)
    return judge(settings.mail_domain, status, body, stopped=stopped, busy=busy)


def _here(settings: Settings) -> tuple[str | None, str | None]:
    switch = RegistrationSwitch(settings)
    stopped = f"{settings.registration.stop_file} exists" if switch.is_stopped else None
    return stopped, overload(measure(switch.mail_directory), settings.registration)


def _on_stores(settings: Settings) -> tuple[str | None, str | None]:
    """Why stores refuse new addresses, from their `chatmail registration status`."""
    said = "".join(one.out for one in remote.run_on_all(settings, STATUS).values())
    found = {
        name: next((line for line in said.splitlines() if line.startswith(f"{name}: ")), None)
        for name in ("stopped", "refused for now")
    }
    stopped, busy = (line and line.partition(": ")[2] for line in found.values())
    return stopped, busy


def judge(
    mail_domain: str,
    status: int,
    body: bytes,
    *,
    stopped: str | None = None,
    busy: str | None = None,
) -> Check:
    """Decide: an address of this relay with a password, or a refusal that the operator chose.

    Args:
        stopped: how the operator stopped registration.
        busy: the limit of services.chatmail.registration that is exceeded now.
    """
    answer = _object(body)
    address = answer.get("email")
    if status == OK and isinstance(address, str) and answer.get("password"):
        if address.endswith(f"@{mail_domain}"):
            return ok(NAME, "offers a new address")
        return failed(
            NAME, "offers an address of another domain", "look at services.chatmail.domain"
        )
    reason = answer.get("reason")
    if status == FORBIDDEN:
        return skipped(NAME, f"registration is closed: {reason}")
    if stopped:
        return skipped(NAME, f"registration is stopped: {stopped}")
    if busy and status == UNAVAILABLE:
        return warned(
            NAME,
            f"no new addresses for now: {busy}",
            "wait, or change services.chatmail.registration",
        )
    if isinstance(reason, str):
        return failed(NAME, f"no new addresses ({status}): {reason}", "chatmail status")
    return failed(
        NAME,
        f"the web server answers {status}: no new addresses",
        "systemctl restart nginx chatmail-accounts; journalctl --unit nginx --unit"
        " chatmail-accounts",
    )


def _object(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
