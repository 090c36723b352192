"""Which repository a command uses: the options of the command, else services.chatmail.backup."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatmaild.errors import ChatmaildError
from chatmaild.operator.backup.restic import Repository
from chatmaild.settings import Settings

# systemd.exec(5), EnvironmentFile=
_ASSIGNMENT: Final = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the command line names; None takes the setting."""

    repository: str | None = None
    password_file: Path | None = None
    environment_file: Path | None = None


def repository(settings: Settings, given: Given) -> Repository:
    """Return the repository.

    Raises:
        ChatmaildError: none is named, or a file cannot be used.
    """
    backup = settings.backup
    location = given.repository or backup.repository
    if not location:
        raise ChatmaildError(
            "no repository: set services.chatmail.backup.repository, or give --repository"
        )
    if f"{location}/".startswith(f"{settings.directories.state}/"):
        raise ChatmaildError(
            f"{location} is inside of the relay's own state: name a directory on another disk"
        )
    password_file = given.password_file or _path(backup.password_file)
    if password_file is None:
        raise ChatmaildError(
            "no password: set services.chatmail.backup.passwordFile, or give --password-file"
        )
    if not _read(password_file).strip():
        raise ChatmaildError(f"{password_file} is empty: it must have the password of the backups")
    environment_file = given.environment_file or _path(backup.environment_file)
    return Repository(
        location=location,
        password_file=password_file,
        environment=parse(_read(environment_file)) if environment_file else {},
    )


def parse(text: str) -> Mapping[str, str]:
    """Read lines `NAME=VALUE`, with or without quotes; others are ignored."""
    found = (_ASSIGNMENT.fullmatch(line) for line in text.splitlines())
    return {match[1]: _unquoted(match[2]) for match in found if match}


def _unquoted(value: str) -> str:
    quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "\"'"
    return value[1:-1] if quoted else value


def _path(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except UnicodeDecodeError as error:
        raise ChatmaildError(f"{file}: not text in UTF-8") from error
    except PermissionError:
        raise
    except OSError as error:
        raise ChatmaildError(f"{file}: {error.strerror}") from error
