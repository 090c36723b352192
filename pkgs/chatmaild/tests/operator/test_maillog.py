"""Mail logs for a while: what is written, what systemd is asked, and what is left at the end."""

import pathlib
import sys
from collections.abc import Sequence

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator import maillog


class Systemd:
    """Records the commands; fails those that contain a word."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.broken = ""

    def __call__(self, command: Sequence[str], must_succeed: bool) -> None:
        text = " ".join(command)
        self.commands.append(text)
        if self.broken and self.broken in text and must_succeed:
            raise ChatmaildError(f"{self.broken} failed")

    def asked(self, word: str) -> list[int]:
        """Positions of the commands with this word."""
        return [number for number, text in enumerate(self.commands) if word in text]


@pytest.fixture
def systemd(monkeypatch: pytest.MonkeyPatch) -> Systemd:
    """systemd's programs, for root."""
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(maillog, "audit", lambda *_: None)
    monkeypatch.setattr(maillog, "_PROGRAMS", ("/run/no-such-program", sys.executable))
    return Systemd()


@pytest.mark.parametrize(
    ("text", "expected"), [("90s", 90), ("30m", 1800), ("1h", 3600), ("24h", 86400)]
)
def test_durations(text: str, expected: int) -> None:
    """A number and a unit."""
    assert maillog.seconds(text) == expected


@pytest.mark.parametrize("text", ["", "1", "0s", "h", "1d", "25h", "-1h", "1h ", "1.5h", "99999h"])
def test_other_durations(text: str) -> None:
    """They are refused; logs without an end are not possible."""
    with pytest.raises(ChatmaildError, match="at most 24h"):
        maillog.seconds(text)


def test_the_end_is_arranged_first(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    """Then the drop-ins are read, then the daemons restart, both in one call."""
    maillog.switch_on(3600, run_directory=tmp_path, run=systemd)

    (timer,) = systemd.asked("systemd-run")
    assert "--on-active=3600s" in systemd.commands[timer]
    assert systemd.commands[timer].endswith(f" {sys.executable} log-mail --off")
    assert systemd.commands[timer + 1 :] == [
        "systemctl daemon-reload",
        "systemctl restart postfix.service dovecot.service",
    ]


def test_what_is_written(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    """Each daemon logs into memory, in a namespace of its own."""
    maillog.switch_on(60, run_directory=tmp_path, run=systemd)

    units = tmp_path / "systemd/system"
    dropins = {path.parent.name: path.read_text() for path in units.glob("*/*.conf")}
    assert dropins.keys() == {"postfix.service.d", "dovecot.service.d"}
    assert all("LogNamespace=mail-log\n" in text for text in dropins.values())
    assert all("LogLevelMax=info\nLogFilterPatterns=\n" in text for text in dropins.values())
    (journal,) = (tmp_path / "systemd/journald@mail-log.conf.d").glob("*.conf")
    assert "Storage=volatile\n" in journal.read_text()


def test_without_a_timer_nothing_is_switched_on(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    """Nothing would switch it off."""
    systemd.broken = "systemd-run"

    with pytest.raises(ChatmaildError, match="systemd-run"):
        maillog.switch_on(60, run_directory=tmp_path, run=systemd)

    assert list(tmp_path.rglob("*.conf")) == []
    assert systemd.asked("restart") == []


def test_a_second_call_moves_the_end(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    """It takes a new timer for the old one and restarts nothing."""
    maillog.switch_on(60, run_directory=tmp_path, run=systemd)
    maillog.switch_on(3600, run_directory=tmp_path, run=systemd)

    assert len(systemd.asked("systemd-run")) == 2
    assert systemd.asked("stop chatmail-log-mail-off.timer")[1] < systemd.asked("systemd-run")[1]
    assert len(systemd.asked("restart")) == 1


@pytest.mark.parametrize("keeps", [False, True])
def test_the_end_leaves_nothing(systemd: Systemd, tmp_path: pathlib.Path, keeps: bool) -> None:
    """No drop-in, no line, no folder that makes journald keep things; other journals stay."""
    run, log = tmp_path / "run", tmp_path / "log"
    ordinary = (log if keeps else run / "log") / "journal/machine/system.journal"
    logged = [top / "journal/machine.mail-log/system.journal" for top in (run / "log", log)]
    for file in (ordinary, *logged):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    maillog.switch_on(60, run_directory=run, run=systemd)

    maillog.switch_off(run_directory=run, log_directory=log, run=systemd)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [ordinary]
    assert (log / "journal").exists() == keeps
    stopped = systemd.asked("stop systemd-journald@mail-log.socket")
    assert len(systemd.asked("restart")) == 2
    assert systemd.asked("restart")[-1] < stopped[0]


def test_an_end_without_a_beginning(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    """It restarts nothing."""
    maillog.switch_off(run_directory=tmp_path, log_directory=tmp_path, run=systemd)

    assert systemd.asked("restart") == []


def test_root_only(
    systemd: Systemd, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others are told what to do."""
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    with pytest.raises(ChatmaildError, match="run this as root"):
        maillog.switch_on(60, run_directory=tmp_path, run=systemd)
    with pytest.raises(ChatmaildError, match="run this as root"):
        maillog.switch_off(run_directory=tmp_path, log_directory=tmp_path, run=systemd)
    assert systemd.commands == []


def test_a_program_that_fails_says_why() -> None:
    """Its own words are in the error; a program that may fail is not an error."""
    command = [sys.executable, "-c", "import sys; sys.exit('no such unit')"]

    maillog.run_program(command, False)
    with pytest.raises(ChatmaildError, match=r" -c failed: no such unit$"):
        maillog.run_program(command, True)


def test_a_store_has_no_postfix(systemd: Systemd, tmp_path: pathlib.Path) -> None:
    """Dovecot alone logs there, and restarts."""
    units = {"dovecot": maillog.UNITS["dovecot"]}
    maillog.switch_on(60, units=units, run_directory=tmp_path, run=systemd)
    maillog.switch_off(
        units=units, run_directory=tmp_path, log_directory=tmp_path / "log", run=systemd
    )

    assert systemd.asked("postfix") == []
    assert len(systemd.asked("restart dovecot.service")) == 2
