"""Choose the format of mailboxes, and look at their conversion by the unit chatmail-storage."""

import contextlib
import dataclasses
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from chatmaild.conversion.accounts import FAILED
from chatmaild.conversion.service import is_on_trial
from chatmaild.errors import ChatmaildError
from chatmaild.metrics import numbers
from chatmaild.operator.privileges import acting_as, audit
from chatmaild.settings import Settings
from chatmaild.store.mail.formats import Choice, Format, format_of
from chatmaild.store.mailboxes import Mailboxes

UNIT: Final = "chatmail-storage.service"
AGAIN: Final = f"systemctl start {UNIT.removesuffix('.service')}"
_POLL_S: Final = 0.5
_PROGRESS_S: Final = 10.0
_TIMEOUT_S: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """The mailboxes by format.

    Attributes:
        wanted: the format that was chosen; None until the conversion has begun.
        failed: why a mailbox was not converted, by address.
    """

    wanted: Format | None
    counts: dict[str, int]
    failed: dict[str, str] = field(default_factory=dict)
    on_trial: bool = False

    @property
    def left(self) -> int:
        """How many mailboxes have another format."""
        return sum(n for name, n in self.counts.items() if name != self.wanted)

    def lines(self) -> list[str]:
        """For the screen."""
        shown = [f"format     {self.wanted or 'not chosen yet'}"]
        shown += [f"{name:<11}{count} mailboxes" for name, count in sorted(self.counts.items())]
        if self.on_trial:
            shown.append("waiting    a new system is on trial: nothing is converted until it stays")
        shown += [f"failed     {address}: {reason}" for address, reason in self.failed.items()]
        if self.failed:
            shown.append(f"repair     remove the cause; then {AGAIN}")
        return shown

    def json(self) -> str:
        """The same as JSON."""
        return json.dumps(dataclasses.asdict(self) | {"left": self.left}, indent=2)


def look(settings: Settings) -> Storage:
    """Look at all mailboxes.

    Raises:
        OSError: the mail directory cannot be read.
    """
    mailboxes = Mailboxes.of(settings)
    counts: Counter[str] = Counter()
    failed = {}
    with acting_as(settings.users.mail):
        for address in mailboxes.addresses():
            home = mailboxes.path(address)
            counts[format_of(home) or "none"] += 1
            with contextlib.suppress(FileNotFoundError):
                failed[str(address)] = (home / FAILED).read_text().strip()
        wanted = Choice.of(settings).stored()
    trial = is_on_trial()
    return Storage(wanted=wanted, counts=dict(counts), failed=failed, on_trial=trial)


def convert(settings: Settings, wanted: str, *, say: Callable[[str], None]) -> None:
    """Choose a format, start the unit, and wait until it has ended.

    Raises:
        ChatmaildError: a new system is on trial, or the unit failed.
    """
    chosen = Format(wanted)
    if chosen is Format.SDBOX and is_on_trial():
        raise ChatmaildError(
            "a new system is on trial, and the previous one may read maildir only: wait until"
            " chatmail-upgrade has ended"
        )
    with acting_as(settings.users.mail):
        Choice.of(settings).store(chosen)
    audit("storage: convert to %s", chosen)
    _systemctl("restart")
    said_s = time.monotonic()
    while _systemctl("is-active", check=False) == 0:
        time.sleep(_POLL_S)
        if time.monotonic() - said_s > _PROGRESS_S:
            said_s = time.monotonic()
            say(f"{numbers.read(settings, numbers.STORAGE).get('left', 'unknown')} mailboxes left")
    if _systemctl("is-failed", check=False) == 0:
        raise ChatmaildError(f"the conversion failed; journalctl -u {UNIT} says why")


def convert_imported() -> None:
    """Let the unit convert accounts that were imported; without systemd its timer does it later."""
    command = ["systemctl", "--quiet", "--no-block", "start", UNIT]
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        subprocess.run(command, check=False, capture_output=True, timeout=_TIMEOUT_S)


def _systemctl(verb: str, *, check: bool = True) -> int:
    command = ["systemctl", "--quiet", verb, UNIT]
    try:
        return subprocess.run(command, check=check, timeout=_TIMEOUT_S).returncode
    except (OSError, subprocess.SubprocessError) as error:
        raise ChatmaildError(f"systemctl {verb} {UNIT}: {type(error).__name__}") from error
