"""`chatmail registration` and `chatmail invite`: who may create an address."""

import re
import time
from datetime import UTC, datetime
from functools import partial

from chatmaild.accounts.credentials import invite_link
from chatmaild.accounts.limits.automatic import Limit
from chatmaild.accounts.registration import RegistrationSwitch, measure, overload
from chatmaild.errors import ChatmaildError
from chatmaild.operator.cluster.place import is_placed_here
from chatmaild.operator.privileges import acting_as, audit
from chatmaild.settings import Settings
from chatmaild.store.invites import Invite, Invites

_UNITS_S = {"h": 3600, "d": 86400, "w": 7 * 86400}


def set_open(settings: Settings, *, is_open: bool) -> None:
    """Open registration, or require invites; takes effect at once."""
    marker = RegistrationSwitch(settings).marker
    with acting_as(settings.users.mail):
        if is_open:
            marker.unlink(missing_ok=True)
        else:
            marker.touch(mode=0o600)
    audit("registration %s", "opened" if is_open else "closed")


def status(settings: Settings) -> list[str]:
    """Return lines: open or closed, each reason why no address is created, automatic addresses."""
    switch = RegistrationSwitch(settings)
    lines = ["open" if switch.is_open else "closed: only with an invite"]
    if switch.is_stopped:
        lines.append(f"stopped: {settings.registration.stop_file} exists")
    if problem := overload(measure(switch.mail_directory), settings.registration):
        lines.append(f"refused for now: {problem}")
    return [*lines, automatic(settings.registration.automatic)]


def automatic(limit: Limit) -> str:
    """Return what happens to addresses that apps create by themselves, in a sentence."""
    match limit:
        case "allow":
            return "apps may create addresses by themselves"
        case "refuse":
            return "apps may not create addresses by themselves"
        case 1:
            return "apps may create one address an hour by themselves"
        case _:
            return f"apps may create {limit} addresses an hour by themselves"


def create_invite(settings: Settings, *, uses: int, lifetime: str | None) -> Invite:
    """Create an invite.

    Raises:
        ChatmaildError: the lifetime cannot be read.
    """
    expires_s = int(time.time()) + seconds(lifetime) if lifetime else None
    with acting_as(settings.users.mail):
        invite = Invites.of(settings).create(
            uses=uses, expires_s=expires_s, suits=partial(is_placed_here, settings)
        )
    audit("invite created for %s", _counted(uses))
    return invite


def list_invites(settings: Settings) -> list[str]:
    """Return a line per invite: link, uses left, end."""
    return [describe(settings, invite) for invite in Invites.of(settings).all()]


def describe(settings: Settings, invite: Invite) -> str:
    """Return link, uses left and end of an invite as one line."""
    end = "no end"
    if invite.expires_s is not None:
        end = f"until {datetime.fromtimestamp(invite.expires_s, UTC):%Y-%m-%d %H:%M} UTC"
    refusal = invite.refusal(time.time())
    state = refusal.removeprefix("invite-") if refusal else f"{_counted(invite.uses_left)} left"
    return f"{invite_link(settings, invite.token)}  {state}, {end}"


def _counted(uses: int) -> str:
    return "1 use" if uses == 1 else f"{uses} uses"


def revoke_invite(settings: Settings, token: str) -> None:
    """Revoke an invite, given by its token or its whole link.

    Raises:
        ChatmaildError: there is no such invite.
    """
    with acting_as(settings.users.mail):
        found = Invites.of(settings).revoke(token.rpartition("?")[2])
    if not found:
        raise ChatmaildError("there is no such invite; `chatmail invite list` shows all")
    audit("invite revoked")


def seconds(text: str) -> int:
    """Parse a lifetime such as `12h`, `7d` or `2w` into seconds.

    Raises:
        ChatmaildError: it cannot be read.
    """
    found = re.fullmatch("([1-9][0-9]{0,4})([hdw])", text)
    if not found:
        raise ChatmaildError("a lifetime is a number and h, d or w, for example 7d")
    return int(found[1]) * _UNITS_S[found[2]]
