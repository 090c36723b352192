"""Mail between accounts of all hosts, on the lab's client.

Started by run.py: `send` records the sent messages, `collect` the content of the mailboxes.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import random
import re
import secrets
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiosmtplib
import click
from chatmail_testkit.mail import messages, openpgp
from chatmail_testkit.mail.imap import Imap
from chatmail_testkit.mail.reply import OK, transaction
from chatmail_testkit.mail.sessions import SUBMISSIONS
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.people.names import Account
from loss.ledger import FOR_GOOD, NO_ANSWER, Attempt, Find, read_accounts, write_lines

# size in bytes, and share of messages in percent
SIZES = ((2_000, 55), (20_000, 20), (200_000, 15), (1_000_000, 8), (4_000_000, 2))
GROUP_SHARE = 0.2  # share of messages with a recipient on each host
TIMEOUT_S = 60.0
RETRY_S = 1.0
GIVE_UP_S = 300.0  # without a reply
PROGRESS_S = 5.0
BATCH = 20
TOKEN = re.compile(rb"<([0-9a-f]{24})@loss[.]example>")
REPORT = re.compile(rb"^Content-Type:\s*multipart/report", re.IGNORECASE | re.MULTILINE)
FINAL_RECIPIENT = re.compile(rb"^(?:Final|Original)-Recipient:\s*rfc822;\s*(\S+)", re.I | re.M)
DIAGNOSTIC = re.compile(rb"^Diagnostic-Code:\s*((?:.+\r?\n)(?:[ \t].+\r?\n)*)", re.I | re.M)
REASON_LENGTH = 160


class Progress:
    """Counts attempts and prints the totals every few seconds."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._accepted = self._again = 0
        self._lock = threading.Lock()
        self._told_s = 0.0

    def count(self, attempt: Attempt) -> None:
        """Count an attempt."""
        with self._lock:
            self._accepted += attempt.code == 250
            self._again += attempt.code != 250
            last = self._accepted == self._total
            if time.monotonic() - self._told_s > PROGRESS_S or last:
                self._told_s = time.monotonic()
                shown = f"{self._accepted} of {self._total} accepted, {self._again} tried again"
                print(f"    {shown}", flush=True)


class Sender:
    """A client that retries each message until it is accepted or permanently refused."""

    def __init__(
        self, user: Account, users: Sequence[Account], number: int, progress: Progress
    ) -> None:
        self._user = user
        self._users = users
        self._random = random.Random(number)  # noqa: S311 - to be repeatable
        self._progress = progress
        self._session: Smtp | None = None
        hosts = sorted({other.host for other in users})
        self._hosts = itertools.islice(itertools.cycle(hosts), number % len(hosts), None)
        self._all_hosts = hosts

    def run(self, count: int, seconds: float) -> list[Attempt]:
        """Return all attempts for `count` messages, sent at a steady pace over `seconds`."""
        attempts: list[Attempt] = []
        start_s = time.monotonic()
        for number in range(count):
            pause_s = start_s + seconds * number / count - time.monotonic()
            time.sleep(max(0.0, pause_s))
            attempts += self._until_done(self._recipients())
        self._leave()
        return attempts

    def _recipients(self) -> list[str]:
        together = self._random.random() < GROUP_SHARE
        hosts = self._all_hosts if together else [next(self._hosts)]
        return [self._random.choice([u.address for u in self._users if u.host == h]) for h in hosts]

    def _until_done(self, recipients: Sequence[str]) -> Iterator[Attempt]:
        sizes, weights = zip(*SIZES, strict=True)
        size = int(self._random.choices(sizes, weights)[0] * self._random.uniform(0.7, 1.3))
        body = openpgp.armored_filling(size)
        deadline_s = time.monotonic() + GIVE_UP_S
        while time.monotonic() < deadline_s:
            attempt = self._attempt(recipients, body)
            self._progress.count(attempt)
            yield attempt
            if attempt.code == 250 or attempt.code >= FOR_GOOD:
                return
            time.sleep(RETRY_S)

    def _attempt(self, recipients: Sequence[str], armored: bytes) -> Attempt:
        token = secrets.token_hex(12)
        headers = {"Message-ID": f"<{token}@loss.example>"}
        raw = messages.encrypted(self._user.address, recipients, armored, headers)
        code = NO_ANSWER
        try:
            code = self._submit(recipients, raw)
        except aiosmtplib.SMTPResponseException as refused:
            code = refused.code
            self._leave()
        except (aiosmtplib.SMTPException, OSError):
            self._leave()
        return Attempt(
            token=token,
            sender=self._user.address,
            recipients=recipients,
            digest=digest_of(raw),
            code=code,
        )

    def _submit(self, recipients: Sequence[str], raw: bytes) -> int:
        if self._session is None:
            user = self._user
            self._session = Smtp(
                user.host, SUBMISSIONS, tls=_tls(), name="loss.example", timeout_s=TIMEOUT_S
            )
            self._session.login(user.address, user.password)
        code = transaction(self._session, self._user.address, recipients, raw).code
        if code != OK:
            self._leave()  # as clients do, retry in a new session
        return code

    def _leave(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None


def digest_of(raw: bytes) -> str:
    """Return a digest of a message's armour, which servers must not change."""
    start, end = raw.find(b"-----BEGIN"), raw.rfind(b"-----END")
    return hashlib.blake2b(raw[start:end], digest_size=16).hexdigest()


def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))


def mailbox(user: Account) -> Iterator[Find]:
    """Yield the content of INBOX; a bounce names its recipients."""
    with _inbox(user) as box:
        uids = box.search("ALL")
        for start in range(0, len(uids), BATCH):
            for found in box.fetch(uids[start : start + BATCH], ["BODY.PEEK[]"]).values():
                yield from _finds(user, found[b"BODY[]"])


def _finds(user: Account, raw: bytes) -> Iterator[Find]:
    tokens = TOKEN.findall(raw)
    if not tokens:
        print(f"    a message without a token in {user.host}:\n{raw[:3000]!r}", flush=True)
        return
    token = tokens[0].decode()
    header = raw.partition(b"\r\n\r\n")[0]
    if not REPORT.search(header):
        yield Find(token=token, mailbox=user.address, digest=digest_of(raw))
        return
    for recipient in {name.decode().lower() for name in FINAL_RECIPIENT.findall(raw)}:
        yield Find(token=token, mailbox=recipient, reason=_reason(raw))


def _reason(report: bytes) -> str:
    """Return the reason of a bounce without local parts."""
    found = DIAGNOSTIC.search(report)
    words = b" ".join(found[1].split()).decode(errors="replace") if found else "no reason given"
    return re.sub(r"[0-9a-z]{9}@", "…@", words)[:REASON_LENGTH]


@contextlib.contextmanager
def _inbox(user: Account) -> Iterator[Imap]:
    box = Imap(user.host, _tls(), timeout_s=TIMEOUT_S)
    box.login(user.address, user.password)
    box.select_folder("INBOX", readonly=True)
    try:
        yield box
    finally:
        box.logout()


@click.group()
def main() -> None:
    """Send mail, or collect it."""


@main.command()
@click.argument("users", type=click.Path(path_type=Path))
@click.argument("ledger", type=click.Path(path_type=Path))
@click.option("--count", type=int, required=True)
@click.option("--seconds", type=float, required=True)
def send(users: Path, ledger: Path, count: int, seconds: float) -> None:
    """Send COUNT messages from all USERS to all, and write the attempts to LEDGER."""
    everybody = read_accounts(users)
    progress = Progress(count)
    shares = [len(range(number, count, len(everybody))) for number in range(len(everybody))]
    with ThreadPoolExecutor(len(everybody)) as pool:
        running = [
            pool.submit(Sender(user, everybody, number, progress).run, share, seconds)
            for number, (user, share) in enumerate(zip(everybody, shares, strict=True))
        ]
        write_lines(ledger, [attempt for sender in running for attempt in sender.result()])


@main.command()
@click.argument("users", type=click.Path(path_type=Path))
@click.argument("found", type=click.Path(path_type=Path))
def collect(users: Path, found: Path) -> None:
    """Log in as all USERS (which makes their addresses) and write to FOUND what they have."""
    with ThreadPoolExecutor(4) as pool:
        boxes = pool.map(lambda user: list(mailbox(user)), read_accounts(users))
        write_lines(found, itertools.chain.from_iterable(boxes))


if __name__ == "__main__":
    main()
