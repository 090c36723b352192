"""The program restic (restic.readthedocs.io): its arguments, its answers, and its errors in words.

Location, password file and keys are in its environment, never in its arguments, which every local
process can read. Its own messages may name files, and so addresses: they are not shown as they are.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from chatmaild.errors import ChatmaildError

TAG: Final = "chatmail"
WITH_MAIL: Final = "mail"
CACHE: Final = "/var/cache/chatmail-backup"
# exit codes since restic 0.17
_INCOMPLETE: Final = 3
_NO_REPOSITORY: Final = 10
_LOCKED: Final = 11
_WRONG_PASSWORD: Final = 12
# a prune of another machine
_WAIT_FOR_LOCK: Final = "5m"
_INHERITED: Final = ("HOME", "LANG", "PATH", "SSH_AUTH_SOCK", "TMPDIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """Where backups are, and what opens it; `environment` has keys of S3 and the like."""

    location: str
    password_file: Path
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One backup; sizes are None in those of old versions of restic."""

    id: str
    time_s: float
    with_mail: bool
    files: int | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """The result of a backup; `problems` are errors about single files as (message, path)."""

    snapshot: str
    files: int
    size_bytes: int
    added_bytes: int
    problems: tuple[tuple[str, str], ...]


class Restic:
    """The repository of one relay."""

    def __init__(self, repository: Repository, host: str, *, cache: str = CACHE) -> None:
        self._repository = repository
        self._host = host
        self._cache = cache

    def init(self) -> bool:
        """Make the repository unless it is there; return whether it was made."""
        found = self._run(["cat", "config"], allowed=(_NO_REPOSITORY,))
        if found.returncode == 0:
            return False
        self._run(["init"])
        return True

    def backup(self, paths: Sequence[str], excludes: Sequence[str], *, with_mail: bool) -> Copied:
        """Make a backup.

        Raises:
            ChatmaildError: nothing was stored.
        """
        tags = [TAG, *([WITH_MAIL] if with_mail else [])]
        done = self._run(
            [
                *("backup", "--no-scan", "--host", self._host, "--tag", ",".join(tags)),
                *(f"--exclude={pattern}" for pattern in excludes),
                *("--", *paths),
            ],
            allowed=(_INCOMPLETE,),
        )
        summary = next(
            (m for m in _messages(done.stdout) if m.get("message_type") == "summary"), None
        )
        if summary is None:
            raise ChatmaildError("restic stored no backup")
        return Copied(
            snapshot=str(summary["snapshot_id"]),
            files=int(summary["total_files_processed"]),
            size_bytes=int(summary["total_bytes_processed"]),
            added_bytes=int(summary.get("data_added_packed", summary["data_added"])),
            problems=tuple(
                (str(m["error"]["message"]), str(m.get("item", "")))
                for m in _messages(done.stderr)
                if m.get("message_type") == "error"
            ),
        )

    def snapshots(self) -> list[Snapshot]:
        """The backups of this relay, the oldest first."""
        done = self._run(["snapshots", "--host", self._host, "--tag", TAG])
        found: list[dict[str, Any]] = json.loads(done.stdout) or []
        return sorted(map(_snapshot, found), key=lambda snapshot: snapshot.time_s)

    def forget(self, ids: Sequence[str]) -> None:
        """Delete backups with all data that only they have."""
        # a process that died leaves a lock; only this needs the repository for itself
        self._run(["unlock"])
        # restic keeps 5 % of unused data by default
        self._run(["forget", "--prune", "--max-unused", "0", "--", *ids])

    def check(self, *, part: str) -> None:
        """Check the structure and a part of the data, such as `5%`.

        Raises:
            ChatmaildError: it is damaged.
        """
        self._run(["check", f"--read-data-subset={part}"])

    def read(self, snapshot: str, path: str) -> str:
        """The content of a file of a backup."""
        return self._run(["dump", "--", snapshot, path]).stdout

    def names(self, snapshot: str, path: str) -> set[str]:
        """The names of the files below a directory of a backup."""
        done = self._run(["ls", "--recursive", "--", snapshot, path])
        return {str(m["name"]) for m in _messages(done.stdout) if m.get("type") == "file"}

    def present(self, snapshot: str, paths: Sequence[str]) -> set[str]:
        """Those of these files and directories that a backup has."""
        done = self._run(["ls", "--", snapshot, *paths])
        return {str(m.get("path")) for m in _messages(done.stdout)} & set(paths)

    def restore(
        self, snapshot: str, root: str, target: Path, *, without: Sequence[str] = ()
    ) -> None:
        """Write the content of a directory of a backup into another, and compare what was written.

        Args:
            without: paths below the directory, beginning with a slash.
        """
        exclude = [f"--exclude={path}" for path in without]
        what = [f"{snapshot}:{root}", "--target", str(target)]
        self._run(["restore", *exclude, "--verify", *what])

    def _run(
        self, arguments: Sequence[str], *, allowed: Sequence[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        options = ["--json", "--cache-dir", self._cache, "--retry-lock", _WAIT_FOR_LOCK]
        try:
            done = subprocess.run(
                ["restic", *options, *arguments],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except FileNotFoundError as error:
            raise ChatmaildError(
                "restic is not installed: set services.chatmail.backup.enable, or install it"
            ) from error
        if done.returncode not in (0, *allowed):
            raise ChatmaildError(self._words(done.returncode, done.stderr))
        return done

    def _environment(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        return {
            # a first line of progress, and none after it
            "RESTIC_PROGRESS_FPS": "0.0001",
            **inherited,
            **self._repository.environment,
            "RESTIC_REPOSITORY": self._repository.location,
            "RESTIC_PASSWORD_FILE": str(self._repository.password_file),
        }

    def _words(self, code: int, errors: str) -> str:
        where = shown(self._repository.location)
        if code == _NO_REPOSITORY:
            make = "the first backup makes one with: chatmail backup create --init"
            return f"there is no repository at {where}: is it mounted? {make}"
        if code == _LOCKED:
            return f"another restic uses {where}: try again later"
        if code == _WRONG_PASSWORD:
            return f"the password in {self._repository.password_file} does not open {where}"
        return f"restic: {_last_error(errors) or f'exit code {code}'}"


def shown(location: str) -> str:
    """A location without the user and password that a URL may have."""
    return re.sub(r"//[^/@]*@", "//", location)


def without_addresses(text: str) -> str:
    """A text without words that may be addresses, or files of mailboxes."""
    return re.sub(r"\S*@\S*", "…", text)


def _messages(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            yield found


def _last_error(text: str) -> str:
    """The last message of a failed restic on one line, without words that may be addresses."""
    fatal = [
        str(m["message"]) for m in _messages(text) if m.get("message_type") == "exit_error"
    ] or [line for line in text.splitlines() if line.strip()]
    line = " ".join(fatal[-1].split()) if fatal else ""
    return without_addresses(line.removeprefix("Fatal: "))


def _snapshot(found: dict[str, Any]) -> Snapshot:
    summary = found.get("summary") or {}
    return Snapshot(
        id=str(found["short_id"]),
        time_s=_time_s(str(found["time"])),
        with_mail=WITH_MAIL in (found.get("tags") or ()),
        files=summary.get("total_files_processed"),
        size_bytes=summary.get("total_bytes_processed"),
    )


def _time_s(text: str) -> float:
    """Seconds of a time with nanoseconds, which Python 3.11 reads as microseconds."""
    return datetime.fromisoformat(text).astimezone(UTC).timestamp()
