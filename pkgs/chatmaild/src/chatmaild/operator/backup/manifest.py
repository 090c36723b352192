"""The note inside each backup: whose it is, where its places were, and who owned what.

restic stores owners as numbers; another machine may have other numbers for the same users.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from chatmaild.errors import ChatmaildError

# the same on every machine, so that a restore finds it
PATH: Final = Path("/run/chatmail-backup/manifest.json")
FORMAT: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The note of one backup.

    Attributes:
        roots: directory of each kind of place.
        users: name of each user ID.
        groups: name of each group ID.
        settings: settings.json of the relay, to compare with.
        role: of the machine, in `settings.cluster`.
        machine: its name, if the relay has several.
    """

    domain: str
    version: str
    created_s: int
    with_mail: bool
    roots: Mapping[str, str]
    users: Mapping[int, str]
    groups: Mapping[int, str]
    settings: Mapping[str, Any]
    format: int = FORMAT
    role: str = "all"
    machine: str | None = None

    def to_json(self) -> str:
        """The text to store."""
        return json.dumps(asdict(self), indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a stored note.

        Raises:
            ChatmaildError: it is not one, or newer than this version.
        """
        try:
            table: dict[str, Any] = json.loads(text)
            if table["format"] > FORMAT:
                raise ChatmaildError(
                    f"this backup was made by chatmail {table['version']}: install"
                    " that version, or a newer one"
                )
            return cls(
                domain=str(table["domain"]),
                version=str(table["version"]),
                created_s=int(table["created_s"]),
                with_mail=bool(table["with_mail"]),
                roots={str(k): str(v) for k, v in table["roots"].items()},
                users={int(k): str(v) for k, v in table["users"].items()},
                groups={int(k): str(v) for k, v in table["groups"].items()},
                settings=dict(table["settings"]),
                role=str(table.get("role", "all")),
                machine=table.get("machine"),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ChatmaildError(
                "this backup was not made by `chatmail backup create`, or it is damaged"
            ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Owners:
    """IDs of the backup -> IDs of this machine."""

    users: Mapping[int, int]
    groups: Mapping[int, int]

    def here(self, uid: int, gid: int) -> tuple[int, int]:
        """The owner on this machine; root for a user or group that it does not have."""
        return self.users.get(uid, 0), self.groups.get(gid, 0)


def owners(
    manifest: Manifest, users_here: Mapping[str, int], groups_here: Mapping[str, int]
) -> Owners:
    """Translate by name; a name that this machine does not have is left out."""
    return Owners(
        users={i: users_here[name] for i, name in manifest.users.items() if name in users_here},
        groups={i: groups_here[name] for i, name in manifest.groups.items() if name in groups_here},
    )
