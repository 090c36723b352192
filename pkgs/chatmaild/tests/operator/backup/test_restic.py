"""What restic is given, and its answers and errors in words."""

import json
import pathlib
import subprocess
from typing import Any

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.backup.restic import Repository, Restic, shown

PASSWORD_FILE = pathlib.Path("/var/lib/secrets/backup")
LOCATION = "rest:https://me:pass@backup.example.org/"


class Program:
    """Restic: the next answers, and what it was given."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str, str]] = []
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.commands.append(command)
        self.environments.append(options["env"])
        code, out, errors = self.answers.pop(0)
        return subprocess.CompletedProcess(command, code, out, errors)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Program:
    """A stand-in for the program."""
    program = Program()
    monkeypatch.setattr("subprocess.run", program)
    return program


@pytest.fixture
def restic() -> Restic:
    """A repository behind a password."""
    repository = Repository(
        location=LOCATION, password_file=PASSWORD_FILE, environment={"AWS_SECRET_ACCESS_KEY": "key"}
    )
    return Restic(repository, "chat.example.org")


def error(code: int, text: str) -> tuple[int, str, str]:
    line = {"message_type": "exit_error", "code": code, "message": text}
    return code, "", json.dumps(line)


def test_no_secret_is_an_argument(program: Program, restic: Restic) -> None:
    """Every user can read the arguments of a process."""
    program.answers = [(0, "[]", "")]
    restic.snapshots()

    words = " ".join(program.commands[0])
    assert "pass" not in words
    assert "key" not in words
    environment = program.environments[0]
    assert environment["RESTIC_REPOSITORY"] == LOCATION
    assert environment["RESTIC_PASSWORD_FILE"] == str(PASSWORD_FILE)
    assert environment["AWS_SECRET_ACCESS_KEY"] == "key"
    assert environment.keys().isdisjoint({"RESTIC_PASSWORD", "RESTIC_PASSWORD_COMMAND"})


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (10, "there is no repository at rest:https://backup.example.org/: is it mounted?"),
        (11, "another restic uses rest:https://backup.example.org/: try again later"),
        (12, "the password in /var/lib/secrets/backup does not open rest:https://backup"),
    ],
)
def test_usual_failures_have_words(program: Program, restic: Restic, code: int, said: str) -> None:
    """With what to do, and without the password of a URL."""
    program.answers = [error(code, "Fatal: whatever")]

    with pytest.raises(ChatmaildError) as raised:
        restic.snapshots()

    assert str(raised.value).startswith(said)


def test_other_failures_are_one_line_without_addresses(program: Program, restic: Restic) -> None:
    """Restic names files, and mailboxes are named by their address."""
    path = "/var/lib/chatmail/mail/alice1234@chat.example.org/password"
    program.answers = [
        error(1, f"Fatal: unable to save snapshot:\n{path}: no space left on device")
    ]

    with pytest.raises(ChatmaildError) as raised:
        restic.backup(["/x"], [], with_mail=False)

    assert str(raised.value) == "restic: unable to save snapshot: … no space left on device"


def test_a_missing_program_is_named(restic: Restic, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes with the option."""

    def run(*_: object, **__: object) -> None:
        raise FileNotFoundError(2, "No such file", "restic")

    monkeypatch.setattr("subprocess.run", run)

    with pytest.raises(ChatmaildError, match="restic is not installed"):
        restic.snapshots()


def test_a_backup(program: Program, restic: Restic) -> None:
    """Of some paths, with the files that could not be read."""
    summary = {
        "message_type": "summary",
        "snapshot_id": "a" * 64,
        "total_files_processed": 3,
        "total_bytes_processed": 100,
        "data_added": 90,
        "data_added_packed": 40,
    }
    problem = {"message_type": "error", "error": {"message": "permission denied"}, "item": "/x/y"}
    program.answers = [(3, json.dumps(summary), json.dumps(problem))]

    copied = restic.backup(["/x", "-y"], ["/x/z"], with_mail=True)

    command = program.commands[0]
    assert command[-3:] == ["--", "/x", "-y"]
    assert "--exclude=/x/z" in command
    assert "chatmail,mail" in command
    assert (copied.files, copied.size_bytes, copied.added_bytes) == (3, 100, 40)
    assert copied.problems == (("permission denied", "/x/y"),)


def test_backups_are_listed_by_time(program: Program, restic: Restic) -> None:
    """Those of old versions of restic have no summary."""
    found = [
        {
            "short_id": "b",
            "time": "2026-11-29T04:00:00.123456789Z",
            "tags": ["chatmail"],
            "summary": {"total_files_processed": 5, "total_bytes_processed": 6},
        },
        {"short_id": "a", "time": "2026-11-28T04:00:00+01:00", "tags": ["chatmail", "mail"]},
    ]
    program.answers = [(0, json.dumps(found), "")]

    first, second = restic.snapshots()

    assert (first.id, first.with_mail, first.files) == ("a", True, None)
    assert (second.id, second.with_mail, second.size_bytes) == ("b", False, 6)


def test_nothing_unused_stays(program: Program, restic: Restic) -> None:
    """Restic itself would keep 5 % of deleted data."""
    program.answers = [(0, "", ""), (0, "", "")]
    restic.forget(["aaaaaaaa"])

    unlock, command = program.commands
    assert unlock[-1] == "unlock"
    assert command[command.index("--max-unused") + 1] == "0"
    assert "--prune" in command


def test_a_repository_is_made_once(program: Program, restic: Restic) -> None:
    """Only where there is none."""
    program.answers = [(0, "{}", ""), error(10, "Fatal: no repository"), (0, "", "")]

    assert not restic.init()
    assert restic.init()
    program.answers = [error(12, "Fatal: wrong password")]
    with pytest.raises(ChatmaildError, match="does not open"):
        restic.init()


def test_a_location_is_shown_without_its_password() -> None:
    """A user name alone stays in sftp's form."""
    assert shown(LOCATION) == "rest:https://backup.example.org/"
    assert shown("sftp:me@host:/x") == "sftp:me@host:/x"
    assert shown("/mnt/disk") == "/mnt/disk"
