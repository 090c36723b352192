"""A tree with the layout of an upstream relay, made here, and queue files of Postfix."""

import gzip
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path

from chatmaild.store.mailboxes import DAY_S, floor_to_day
from chatmaild.store.passwords import crypt

DOMAIN = "chat.example.org"
PASSWORD = "correct horse"


def sha512_crypt(password: str = PASSWORD) -> str:
    """The hash that upstream's doveauth makes."""
    return "{SHA512-CRYPT}" + str(crypt(password.encode(), "$6$saltsaltsaltsalt$"))


class OldRelay:
    """The disk of an upstream relay."""

    def __init__(self, root: Path, domain: str = DOMAIN) -> None:
        self.root = root
        self.domain = domain
        self.mail = root / "home/vmail/mail" / domain
        self.mail.mkdir(parents=True)
        (self.mail / "pending_notifications").mkdir()
        self.count = 0

    def address(
        self, name: str, *, encoded: str | None = None, login_days: float = 1, enforces: bool = True
    ) -> Path:
        """An address with an empty maildir; returns its directory."""
        home = self.mail / (name if "@" in name else f"{name}@{self.domain}")
        for part in ("cur", "new", "tmp"):
            (home / part).mkdir(parents=True)
        password = home / "password"
        password.write_text(sha512_crypt() if encoded is None else encoded)
        login_s = floor_to_day(time.time() - login_days * DAY_S)
        os.utime(password, (login_s, login_s))
        (home / "password.lock").touch()
        if enforces:
            (home / "enforceE2EEincoming").touch()
        (home / "dovecot.index.log").write_bytes(b"index")
        (home / "maildirsize").write_text("524288000S\n")
        return home

    def message(
        self,
        home: Path,
        text: str = "hello",
        *,
        flags: str = "S",
        part: str = "cur",
        folder: str = "",
        age_s: float = 3600,
        compressed: bool = True,
    ) -> Path:
        """A message as upstream's Dovecot stores it: compressed, sizes in its name."""
        self.count += 1
        stored_s = int(time.time() - age_s)
        plain = f"Subject: [...]\n\n{text}\n".encode()
        sizes = f"S={len(plain)},W={len(plain) + plain.count(10)}"
        name = f"{stored_s}.M{self.count}P77.old,{sizes}" + (f":2,{flags}" if part == "cur" else "")
        path = home / folder / part / name
        for other in ("cur", "new", "tmp"):
            (home / folder / other).mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(plain) if compressed else plain)
        os.utime(path, (stored_s, stored_s))
        return path

    def tokens(self, home: Path, *tokens: str) -> None:
        """Device tokens, set an hour ago."""
        document = {"devicetoken": {token: int(time.time()) - 3600 for token in tokens}}
        (home / "metadata.json").write_text(json.dumps(document))

    def key(self, pem: bytes, selector: str = "opendkim") -> None:
        """Opendkim's key and tables."""
        directory = self.root / "etc/dkimkeys"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{selector}.private").write_bytes(pem)
        (directory / "KeyTable").write_text(
            f"{selector}._domainkey.{self.domain} {self.domain}:{selector}:"
            f"/etc/dkimkeys/{selector}.private\n"
        )

    def acme(self, pem: bytes, server: str, name: str) -> Path:
        """An account in acmetool's store; returns its directory."""
        directory = self.root / "var/lib/acme/accounts" / server / name
        directory.mkdir(parents=True)
        (directory / "privkey").write_bytes(pem)
        return directory

    def ini(self, **values: object) -> None:
        """Upstream's settings."""
        path = self.root / "usr/local/lib/chatmaild/chatmail.ini"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {"mail_domain": self.domain} | values
        lines = ["[params]", "# mail domain", *(f"{n} = {v}" for n, v in rows.items())]
        path.write_text("\n".join(lines) + "\n")

    def queued(self, name: str, data: bytes) -> None:
        """A file of the deferred queue."""
        directory = self.root / "var/spool/postfix/deferred" / name[0]
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(data)


def message_files(home: Path) -> dict[str, bytes]:
    """The content of the message files of a mailbox."""
    return {
        str(path.relative_to(home)): path.read_bytes()
        for part in ("cur", "new")
        for path in home.rglob(f"{part}/*")
    }


def uids(home: Path, *paths: Path, first: int = 1, next_uid: int | None = None) -> None:
    """Write Dovecot's list of UIDs; UIDVALIDITY is 1700000000."""
    rows = [f"{uid} :{path.name}" for uid, path in enumerate(paths, first)]
    following = next_uid or first + len(paths)
    header = f"3 V1700000000 N{following} G3085f01b7f11094c501100008c4a11c1"
    (home / "dovecot-uidlist").write_text("\n".join([header, *rows]) + "\n")


def record(kind: str, content: str | bytes) -> bytes:
    """A record of a queue file."""
    data = content.encode() if isinstance(content, str) else content
    length, left = bytearray(), len(data)
    while left >= 0x80:
        length.append(left & 0x7F | 0x80)
        left >>= 7
    return kind.encode() + bytes([*length, left]) + data


def queue_file(sender: str, recipients: Sequence[str], message: str, *, done: str = "") -> bytes:
    """A queue file, with a header field that a filter has put before the others."""
    head = (
        record("C", " " * 60) + record("T", "1700000000 1") + record("A", "rewrite_context=remote")
    )
    head += record("S", sender)
    if done:
        head += record("D", done)
    for recipient in recipients:
        head += record("O", recipient) + record("R", recipient)
    head += record("p", "0".rjust(15)) + record("M", "")
    lines = message.splitlines()
    rest = b"".join(record("N", line) for line in lines) + record("X", "") + record("E", "")
    # the pointer leads behind the file's end as it was, and from there back
    pointer = len(record("p", " " * 15))
    behind = len(head) + pointer + len(rest)
    extra = record("N", "DKIM-Signature: v=1") + record("p", str(len(head) + pointer).rjust(15))
    return head + record("p", str(behind).rjust(15)) + rest + extra
