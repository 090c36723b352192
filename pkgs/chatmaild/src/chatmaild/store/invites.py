"""Invite tokens: one file each, named by the token, with remaining uses and expiry time."""

import contextlib
import fcntl
import json
import os
import re
import secrets
import string
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from chatmaild.errors import RegistrationRefused
from chatmaild.settings import Settings
from chatmaild.store.files import write_atomically

DIRECTORY: Final = "invites"
# 95 random bits: cannot be guessed, and the QR code stays small
TOKEN_LENGTH: Final = 16
_CHARACTERS: Final = string.ascii_letters + string.digits
_TOKEN: Final = re.compile("[A-Za-z0-9_-]{8,64}")
# the name of an invite that is handed over to another store; no token has a dot
_LEAVING: Final = ".leaving-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invite:
    """An invite token; `expires_s` is in Unix seconds, None for no expiry."""

    token: str
    uses_left: int
    expires_s: int | None

    def refusal(self, now_s: float) -> str | None:
        """The error code `invite-expired` or `invite-used`; None if the invite can be used."""
        if self.expires_s is not None and now_s >= self.expires_s:
            return "invite-expired"
        return "invite-used" if self.uses_left < 1 else None


class Invites:
    """The invites of this relay; safe for several processes, by a lock on the directory."""

    def __init__(self, parent: str | Path) -> None:
        self._directory = Path(parent) / DIRECTORY

    @classmethod
    def of(cls, settings: Settings) -> "Invites":
        """The invites of this relay."""
        return cls(settings.directories.accounts)

    def create(
        self,
        *,
        uses: int,
        expires_s: int | None,
        suits: Callable[[str], bool] = lambda _: True,
    ) -> Invite:
        """Create an invite with a new token that suits: in a cluster, each has its store.

        Raises:
            OSError: the invite cannot be stored.
        """
        while not suits(token := _random_token()):
            pass
        invite = Invite(token=token, uses_left=uses, expires_s=expires_s)
        with self._locked():
            self._write(invite)
        return invite

    def all(self) -> list[Invite]:
        """All stored invites, also used and expired ones."""
        try:
            names = sorted(os.listdir(self._directory))  # noqa: PTH208 - only names are needed
        except FileNotFoundError:
            return []
        found = (self.get(name) for name in names)
        return [invite for invite in found if invite]

    def get(self, token: str) -> Invite | None:
        """The invite of a token, also if it is used or expired; None if it is unknown."""
        return self._read(token, self._directory / token) if _TOKEN.fullmatch(token) else None

    def _read(self, token: str, path: Path) -> Invite | None:
        try:
            content = json.loads(path.read_bytes())
            return Invite(
                token=token,
                uses_left=int(content["uses_left"]),
                expires_s=None if content["expires_s"] is None else int(content["expires_s"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def revoke(self, token: str) -> bool:
        """Delete the invite of a token; False if it is unknown."""
        if not _TOKEN.fullmatch(token):
            return False
        with self._locked():
            try:
                (self._directory / token).unlink()
            except FileNotFoundError:
                return False
        return True

    def redeem(self, token: str, *, now_s: float) -> None:
        """Count one use.

        Raises:
            RegistrationRefused: `invite-unknown`, `invite-expired` or `invite-used`.
        """
        with self._locked():
            invite = self.get(token)
            refusal = invite.refusal(now_s) if invite else "invite-unknown"
            if refusal or not invite:
                raise RegistrationRefused(refusal or "invite-unknown")
            self._write(replace(invite, uses_left=invite.uses_left - 1))

    def give_back(self, token: str) -> None:
        """Undo one use, after a registration that failed."""
        with self._locked():
            if invite := self.get(token):
                self._write(replace(invite, uses_left=invite.uses_left + 1))

    def keep(self, invite: Invite) -> None:
        """Store an invite of another store, unless it is here already.

        Raises:
            OSError: the invite cannot be stored.
        """
        if not _TOKEN.fullmatch(invite.token):
            raise ValueError("no token")
        with self._locked():
            if self.get(invite.token) is None:
                self._write(invite)

    def leaving(self, belongs_here: Callable[[str], bool]) -> list[str]:
        """The tokens that belong to another store, and those that were handed over by halves."""
        try:
            names = sorted(os.listdir(self._directory))  # noqa: PTH208 - only names are needed
        except FileNotFoundError:
            return []
        begun = [name.removeprefix(_LEAVING) for name in names if name.startswith(_LEAVING)]
        others = [name for name in names if _TOKEN.fullmatch(name) and not belongs_here(name)]
        return [*begun, *others]

    def hand_over(self, token: str, send: Callable[[Invite], None]) -> None:
        """Give an invite to another store, which keeps the first that it gets of a token.

        It cannot be used meanwhile, so that no use is counted here and forgotten there.

        Raises:
            OSError: the disk fails.
        """
        path, leaving = self._directory / token, self._directory / f"{_LEAVING}{token}"
        with self._locked(), contextlib.suppress(FileNotFoundError):
            path.rename(leaving)
        invite = self._read(token, leaving)
        try:
            if invite is not None:
                send(invite)
        except BaseException:
            with self._locked():
                leaving.rename(path)
            raise
        leaving.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, invite: Invite) -> None:
        content = {key: value for key, value in asdict(invite).items() if key != "token"}
        write_atomically(self._directory / invite.token, json.dumps(content).encode())


def _random_token() -> str:
    return "".join(secrets.choice(_CHARACTERS) for _ in range(TOKEN_LENGTH))
