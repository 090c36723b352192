"""Which store has an account? The one that moved it asks the other, also after either was killed.

The question is written down before the other store is asked to make its copy the account. Until the
answer the account is out of use: nobody writes into the one that may be the old one.
"""

import contextlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from chatmaild.address import Address
from chatmaild.errors import RebalanceError
from chatmaild.rebalance.peer import ANSWER_S, Peer
from chatmaild.store.files import fsync_directory, write_atomically
from chatmaild.store.mail.moving import COMMITTING, MOVING, Departed
from chatmaild.store.mailboxes import TRASH_PREFIX, Mailboxes

# a deletion moves an account away, sees that it moves to a store, and puts it back
_BACK_S: Final = 1.0
_POLL_S: Final = 0.005


class Question(NamedTuple):
    """Whether a store has the account of a move."""

    store: str
    number: str


def write(home: Path, question: Question) -> None:
    """Write the question down; the account is out of use from now on.

    Raises:
        OSError: the disk is full or fails.
    """
    content = json.dumps(question._asdict()).encode()
    write_atomically(home / MOVING / COMMITTING, content)
    # the directory is new
    fsync_directory(home)


def is_open(home: Path) -> bool:
    """Whether a question about an account has no answer yet."""
    return os.path.lexists(home / MOVING / COMMITTING)


def read(home: Path) -> Question | None:
    """Return the question about an account; None if there is none.

    Raises:
        RebalanceError: it cannot be read.
    """
    try:
        content = json.loads((home / MOVING / COMMITTING).read_bytes())
        return Question(store=str(content["store"]), number=str(content["number"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise RebalanceError(f"{MOVING}/{COMMITTING} cannot be read") from error


def is_committed(peer: Peer, question: Question, *, within_s: float = ANSWER_S) -> bool:
    """Ask the other store whether it has the account; if it says no, it never will.

    Raises:
        StoreDownError, RebalanceError: it gives no answer.
    """
    answer = peer.tell("/settle", {"id": question.number}, within_s=within_s)
    if not isinstance(answer.get("committed"), bool):
        raise RebalanceError(f"store {peer.name} does not tell whether it has the account")
    return answer["committed"] is True


def drop(home: Path) -> None:
    """Take an account into use again: the other store does not have it."""
    with contextlib.suppress(FileNotFoundError):
        (home / MOVING / COMMITTING).unlink()
        fsync_directory(home / MOVING)
    shutil.rmtree(home / MOVING, ignore_errors=True)


def leave(mailboxes: Mailboxes, departed: Departed, address: Address) -> Path:
    """Remove an account that the other store has; return where its files are until `clean`.

    Raises:
        OSError: the disk fails.
    """
    departed.add(address)
    home = mailboxes.path(address)
    trash = mailboxes.directory / f"{TRASH_PREFIX}{secrets.token_hex(8)}"
    end_s = time.monotonic() + _BACK_S
    while True:
        try:
            home.rename(trash)
            break
        except FileNotFoundError:
            if time.monotonic() > end_s:
                break
            time.sleep(_POLL_S)
    # the other store forgets the move after that
    fsync_directory(mailboxes.directory)
    return trash


def clean(trash: Path, peer: Peer, question: Question) -> None:
    """Delete the files of an account that left; the other store need not remember the move."""
    if not trash.is_dir():
        # a deletion that goes on may put the account back, and then the other store is asked again
        return
    shutil.rmtree(trash, ignore_errors=True)
    with contextlib.suppress(Exception):
        peer.tell("/done", {"id": question.number})


def recover(
    mailboxes: Mailboxes, departed: Departed, address: Address, peer_of: Callable[[str], Peer]
) -> bool:
    """Complete or undo a move that was interrupted; whether the account has left.

    Raises:
        BusyError: another process holds the account.
        StoreDownError, RebalanceError: which store has the account is not known yet.
        OSError: the disk fails.
    """
    home = mailboxes.path(address)
    with mailboxes.alone(address) as is_there:
        question = read(home) if is_there else None
        if question is None or not is_committed(peer_of(question.store), question):
            drop(home)
            return False
        trash = leave(mailboxes, departed, address)
    clean(trash, peer_of(question.store), question)
    return True
