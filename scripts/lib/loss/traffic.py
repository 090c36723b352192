"""Mail between accounts of all hosts, on the lab's client; run.py starts it.

`send` sends the letters of the plan and writes the attempts into a ledger at once.
`watch` waits for new mail like a client, and writes when it saw each message.
`collect` writes what is in the mailboxes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiosmtplib
import click
from chatmail_testkit.mail.reply import OK, Reply, transaction
from chatmail_testkit.mail.sessions import SUBMISSIONS
from chatmail_testkit.mail.smtp import Smtp
from chatmail_testkit.people.names import Account
from loss import mailboxes, plan
from loss.ledger import FOR_GOOD, NO_ANSWER, NOT_SENT, Attempt, Ledger, read_accounts, write
from loss.letters import reason_of, tls, written

TIMEOUT_S = 60.0
RETRY_S = 1.0
GIVE_UP_S = 600.0  # of one message, without a reply 250
PROGRESS_S = 15.0


class Progress:
    """Counts attempts and prints the totals every few seconds."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._accepted = self._again = 0
        self._lock = threading.Lock()
        self._start_s = self._told_s = time.monotonic()

    def count(self, code: int) -> None:
        """Count an attempt."""
        with self._lock:
            self._accepted += code == OK
            self._again += code != OK
            now_s = time.monotonic()
            if now_s - self._told_s > PROGRESS_S or self._accepted == self._total:
                self._told_s = now_s
                shown = f"{self._accepted} of {self._total} accepted, {self._again} tried again"
                print(f"    {now_s - self._start_s:5.0f} s  {shown}", flush=True)


class Session(Smtp):
    """A session that knows whether a message is being sent."""

    in_data = False

    def data(self, message: bytes) -> Reply:
        """Send a message."""
        self.in_data = True
        reply = super().data(message)
        self.in_data = False
        return reply


class Sender:
    """A client that sends its letters in order, each until it is accepted or refused for good."""

    def __init__(
        self, users: Sequence[Account], number: int, progress: Progress, ledger: Ledger
    ) -> None:
        self._users = users
        self._user = users[number]
        self._progress = progress
        self._ledger = ledger
        self._session: Session | None = None

    def run(self, letters: Sequence[plan.Letter], start_s: float) -> None:
        """Send each letter when it is due, or as soon as the one before is accepted."""
        for letter in letters:
            time.sleep(max(0.0, start_s + letter.due_s - time.monotonic()))
            self._until_done(letter)
        self._leave()

    def _until_done(self, letter: plan.Letter) -> None:
        deadline_s = time.monotonic() + GIVE_UP_S
        number = 0
        while time.monotonic() < deadline_s:
            code = self._attempt(letter, number)
            self._progress.count(code)
            if code == OK or code >= FOR_GOOD:
                return
            number += 1
            time.sleep(RETRY_S)

    def _attempt(self, letter: plan.Letter, number: int) -> int:
        recipients = [self._users[person].address for person in letter.recipients]
        token, raw, digest = written(letter, number, self._user.address, recipients)
        begin_s = time.time()
        reply = self._reply(recipients, raw)
        if reply.code != OK:
            self._leave()  # as clients do, retry in a new session
        self._ledger.add(
            Attempt(
                token=token,
                message=letter.number,
                sender=self._user.address,
                recipients=recipients,
                digest=digest,
                code=reply.code,
                reason="" if reply.code == OK else reason_of(reply),
                begin_s=begin_s,
                end_s=time.time(),
            )
        )
        return reply.code

    def _reply(self, recipients: Sequence[str], raw: bytes) -> Reply:
        try:
            return transaction(self._open(), self._user.address, recipients, raw)
        except aiosmtplib.SMTPResponseException as refused:
            return Reply(refused.code, refused.message)
        except (aiosmtplib.SMTPException, OSError) as error:
            sent = self._session is not None and self._session.in_data
            return Reply(NO_ANSWER if sent else NOT_SENT, type(error).__name__)

    def _open(self) -> Session:
        if self._session is None:
            user = self._user
            self._session = Session(
                user.host, SUBMISSIONS, tls=tls(), name="loss.example", timeout_s=TIMEOUT_S
            )
            self._session.login(user.address, user.password)
        return self._session

    def _leave(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session = None


def _shares(letters: Sequence[plan.Letter], people: int) -> Iterator[list[plan.Letter]]:
    """Yield the letters of each person."""
    for person in range(people):
        yield [letter for letter in letters if letter.sender == person]


@click.group()
def main() -> None:
    """Send mail, watch it arrive, or collect it."""


_USERS = click.argument("users", type=click.Path(path_type=Path))
_LEDGER = click.argument("ledger", type=click.Path(path_type=Path))


@main.command()
@_USERS
@_LEDGER
@click.option("--seed", type=int, required=True)
@click.option("--count", type=int, required=True)
@click.option("--seconds", type=float, required=True)
def send(users: Path, ledger: Path, seed: int, count: int, seconds: float) -> None:
    """Send COUNT messages between all USERS, and write the attempts to LEDGER."""
    everybody = read_accounts(users)
    progress, attempts = Progress(count), Ledger(ledger)
    letters = plan.letters(seed, count, seconds)
    start_s = time.monotonic()
    with ThreadPoolExecutor(len(everybody)) as pool:
        running = [
            pool.submit(Sender(everybody, number, progress, attempts).run, share, start_s)
            for number, share in enumerate(_shares(letters, len(everybody)))
        ]
        for sender in running:
            sender.result()
    attempts.close()


@main.command()
@_USERS
@_LEDGER
def watch(users: Path, ledger: Path) -> None:
    """Write to LEDGER when new mail of USERS was seen, until SIGTERM."""
    mailboxes.watch(read_accounts(users), Ledger(ledger))


@main.command()
@_USERS
@_LEDGER
def collect(users: Path, ledger: Path) -> None:
    """Log in as all USERS (which makes their addresses) and write to LEDGER what they have."""
    write(ledger, mailboxes.collect(read_accounts(users)))


if __name__ == "__main__":
    main()
