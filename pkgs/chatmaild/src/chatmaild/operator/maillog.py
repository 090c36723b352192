"""`chatmail log-mail`: Postfix and Dovecot log every message and login, for a while.

Drop-ins of systemd in /run lift what keeps these lines from the journal, and a transient timer
removes them again. The lines go to a journal namespace of their own, which is in memory and deleted
at the end. A reboot ends it, too.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from chatmaild.errors import ChatmaildError
from chatmaild.operator.privileges import audit
from chatmaild.settings import Settings

NAMESPACE: Final = "mail-log"
# what each logs less by: pkgs/preload/quiet-syslog.c, info_log_path in dovecot/main.nix
UNITS: Final[Mapping[str, str]] = {
    "postfix": "LD_PRELOAD=",
    "dovecot": "CHATMAIL_INFO_LOG=syslog",
}
# of the transient timer and service
SWITCH_OFF: Final = "chatmail-log-mail-off"
READ: Final = f"journalctl --namespace={NAMESPACE} --follow"
MOST_S: Final = 24 * 3600
_PROGRAMS: Final = ("/run/current-system/sw/bin/chatmail", "/usr/bin/chatmail")
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3600}
_JOURNAL_UNITS: Final = tuple(
    f"{unit}@{NAMESPACE}.{kind}"
    for unit, kind in (
        ("systemd-journald", "socket"),
        ("systemd-journald-varlink", "socket"),
        ("systemd-journald", "service"),
    )
)

# a program with its arguments, and whether it has to succeed
Run = Callable[[Sequence[str], bool], None]


def seconds(text: str) -> int:
    """Parse a duration such as `90s`, `30m` or `1h`, at most 24 h.

    Raises:
        ChatmaildError: it cannot be read, or is too long.
    """
    found = re.fullmatch("([1-9][0-9]{0,4})([smh])", text)
    duration_s = int(found[1]) * _UNITS_S[found[2]] if found else 0
    if not 0 < duration_s <= MOST_S:
        raise ChatmaildError("a duration is a number and s, m or h, at most 24h, for example 1h")
    return duration_s


def units_of(settings: Settings) -> Mapping[str, str]:
    """Return those of this machine: a store of several has no Postfix."""
    return {unit: variable for unit, variable in UNITS.items() if unit in settings.units}


def files(run_directory: Path, units: Mapping[str, str] = UNITS) -> dict[Path, str]:
    """Return the drop-ins by path."""
    return {
        run_directory / f"systemd/system/{unit}.service.d/50-chatmail-log-mail.conf": (
            "[Service]\nLogLevelMax=info\nLogFilterPatterns=\n"
            f"LogNamespace={NAMESPACE}\nEnvironment={environment}\n"
        )
        for unit, environment in units.items()
    } | {
        run_directory / f"systemd/journald@{NAMESPACE}.conf.d/50-chatmail-log-mail.conf": (
            "[Journal]\nStorage=volatile\nRuntimeMaxUse=64M\n"
        )
    }


def run_program(command: Sequence[str], must_succeed: bool) -> None:
    """Run a program of systemd.

    Raises:
        ChatmaildError: it failed and had to succeed; with what it says.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if must_succeed and done.returncode != 0:
        raise ChatmaildError(f"{' '.join(command[:2])} failed: {done.stderr.strip()}")


def switch_on(
    duration_s: int,
    *,
    units: Mapping[str, str] = UNITS,
    run_directory: Path = Path("/run"),
    run: Run = run_program,
) -> None:
    """Restart Postfix and Dovecot with logs of every message and login, for this duration.

    The timer is started first, so there are no logs without an end. A second call moves the end.

    Raises:
        ChatmaildError: not root, or systemd refused something.
    """
    _require_root()
    audit("mail logs on for %s s", duration_s)
    run(["systemctl", "stop", f"{SWITCH_OFF}.timer"], False)
    run([*_timer(duration_s), _this_program(), "log-mail", "--off"], True)
    wanted = files(run_directory, units)
    if all(path.exists() for path in wanted):
        return
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _restart(run, units)


def switch_off(
    *,
    units: Mapping[str, str] = UNITS,
    run_directory: Path = Path("/run"),
    log_directory: Path = Path("/var/log"),
    run: Run = run_program,
) -> None:
    """Restart Postfix and Dovecot without these logs, and delete what was logged.

    Raises:
        ChatmaildError: not root, or systemd refused something.
    """
    _require_root()
    run(["systemctl", "stop", f"{SWITCH_OFF}.timer"], False)
    found = [path for path in files(run_directory, units) if path.exists()]
    for path in found:
        path.unlink()
    if found:
        audit("mail logs off")
        _restart(run, units)
    run(["systemctl", "stop", *_JOURNAL_UNITS], False)
    for journals in (run_directory / "log/journal", log_directory / "journal"):
        for journal in journals.glob(f"*.{NAMESPACE}"):
            shutil.rmtree(journal, ignore_errors=True)
    # journald's unit made it; journald takes it for a wish to keep the journal on disk
    with contextlib.suppress(OSError):
        (log_directory / "journal").rmdir()


def _require_root() -> None:
    if os.geteuid() != 0:
        raise ChatmaildError("mail logs are switched by root only: run this as root")


def _timer(duration_s: int) -> list[str]:
    # PATH: that of a transient unit has no systemctl on NixOS
    return [
        *("systemd-run", "--quiet", "--collect", f"--unit={SWITCH_OFF}"),
        *(f"--on-active={duration_s}s", "--timer-property=AccuracySec=1s"),
        f"--setenv=PATH={os.environ.get('PATH', os.defpath)}",
    ]


def _this_program() -> str:
    """Return a path of `chatmail` that outlives an upgrade, where there is one."""
    return next((path for path in _PROGRAMS if Path(path).exists()), sys.argv[0])


def _restart(run: Run, units: Mapping[str, str]) -> None:
    run(["systemctl", "daemon-reload"], True)
    # in one call: Postfix stops before Dovecot and starts after it
    run(["systemctl", "restart", *(f"{unit}.service" for unit in units)], True)
