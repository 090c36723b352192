"""One account moves to another store, with all that it has."""

import fcntl
import json
import os
import pathlib
import stat
from collections.abc import Callable

import pytest

from chatmaild.address import Address
from chatmaild.conversion import lease
from chatmaild.conversion.places import CONVERTING
from chatmaild.errors import BusyError, MovingError, RebalanceError, StoreDownError
from chatmaild.rebalance import news, tree
from chatmaild.rebalance.leaving import account as module
from chatmaild.rebalance.leaving.account import Mover
from chatmaild.store.mail.moving import MOVING, Departed, is_out_of_use
from chatmaild.store.notifications import DiskQueue

from ..cluster import INBOX, LOGIN_S, TIME_NS, Cluster, put


@pytest.fixture
def both(cluster: Cluster) -> Cluster:
    """The stores; the service of the second runs."""
    cluster["store2"].start()
    return cluster


@pytest.fixture
def address(cluster: Cluster) -> Address:
    """An address at the first store, with three messages."""
    cluster["store1"].add(cluster.address(1))
    return cluster.address(1)


def mover(cluster: Cluster, meanwhile: Callable[[Address], None] = lambda _: None) -> Mover:
    """What moves accounts of the first store; `meanwhile` runs when sessions end."""
    store = cluster["store1"]
    accounts = store.settings.directories.accounts
    return Mover(store.mailboxes, Departed(accounts), news.Pending(accounts), meanwhile)


def test_an_account_has_all_files_and_their_times(both: Cluster, address: Address) -> None:
    """`expire` judges messages and logins by the times."""
    home = both["store1"].mailboxes.path(address)
    (home / "metadata.json").write_text('{"devicetoken": {"t": 1}}')
    (home / "DISABLED").touch()
    (home / "nested" / "deeper").mkdir(parents=True)
    before = tree.read(home)
    digest = tree.digest(before)

    assert mover(both).move(address, both["store2"].peer)

    assert both.where(address) == ["store2"]
    there = both["store2"].mailboxes.path(address)
    assert tree.digest(tree.read(there)) == digest
    assert both["store2"].mailboxes.last_login_s(address) == int(LOGIN_S) // 86400 * 86400
    assert (there / INBOX / "u.2").stat().st_mtime_ns == TIME_NS + 2
    assert stat.S_IMODE(there.stat().st_mode) == 0o710
    assert both["store2"].texts(address)[0].startswith(f"message 1 of {address}")


def test_nothing_is_left_at_the_store_that_it_left(both: Cluster, address: Address) -> None:
    """No file, no directory, and no mark of an arrival."""
    mover(both).move(address, both["store2"].peer)

    assert list(both["store1"].mail.iterdir()) == []
    assert [path.name for path in both["store2"].mail.iterdir()] == [str(address)]
    assert (
        list((pathlib.Path(both["store2"].settings.directories.accounts) / "arrivals").iterdir())
        == []
    )
    assert Departed(both["store1"].settings.directories.accounts).has(address)


def test_what_happens_after_the_copy_goes_along(both: Cluster, address: Address) -> None:
    """A message, a deletion, a flag and a change without another size."""
    home = both["store1"].mailboxes.path(address)
    (home / INBOX / "dovecot.index.cache").write_bytes(b"a" * 100)

    def meanwhile(_: Address) -> None:
        assert is_out_of_use(home)
        put(home, 4)
        (home / INBOX / "u.1").unlink()
        with (home / INBOX / "dovecot.index.cache").open("r+b") as cache:
            cache.write(b"b")
        (home / "enforceE2EEincoming").unlink()
        (home / "mailboxes" / "Sent" / "dbox-Mails").mkdir(parents=True)

    mover(both, meanwhile).move(address, both["store2"].peer)

    there = both["store2"].mailboxes.path(address)
    assert len(both["store2"].texts(address)) == 3
    assert not (there / INBOX / "u.1").exists()
    assert (there / INBOX / "dovecot.index.cache").read_bytes()[:2] == b"ba"
    assert (there / INBOX / "dovecot.index.log").read_text() == "1\n2\n3\n4\n"
    assert both["store2"].mailboxes.accepts_clear_text(address)
    assert (there / "mailboxes" / "Sent" / "dbox-Mails").is_dir()


def test_large_messages_and_unfinished_files(both: Cluster, address: Address) -> None:
    """Files come in pieces; drafts and deliveries that have not ended stay behind."""
    home = both["store1"].mailboxes.path(address)
    text = "0123456789abcdef" * 20000
    put(home, 9, text)
    (home / INBOX / ".temp.host.1.2").write_text("half")
    (home / ".password.123.tmp").write_text("draft")

    mover(both).move(address, both["store2"].peer)

    there = both["store2"].mailboxes.path(address)
    assert (there / INBOX / "u.9").read_text() == text
    assert not (there / INBOX / ".temp.host.1.2").exists()
    assert not (there / ".password.123.tmp").exists()


@pytest.mark.parametrize("name", ["Notes.lock", ".a.tmp", ".temp.x"])
def test_a_folder_may_be_named_like_a_draft(both: Cluster, address: Address, name: str) -> None:
    """A client chooses the names of its folders."""
    inbox = both["store1"].mailboxes.path(address) / INBOX
    folder = inbox.parent.parent / name / "dbox-Mails"
    folder.mkdir(parents=True)
    (folder / "u.1").write_text("a message")

    mover(both).move(address, both["store2"].peer)

    there = both["store2"].mailboxes.path(address) / INBOX
    assert (there.parent.parent / name / "dbox-Mails" / "u.1").read_text() == "a message"


def test_it_stays_if_the_other_store_is_down(cluster: Cluster, address: Address) -> None:
    """And is in use."""
    with pytest.raises(StoreDownError):
        mover(cluster).move(address, cluster["store2"].peer)

    home = cluster["store1"].mailboxes.path(address)
    assert cluster.where(address) == ["store1"]
    assert not is_out_of_use(home)
    assert not (home / MOVING).exists()


def test_it_stays_if_the_other_store_has_one_of_that_name(both: Cluster, address: Address) -> None:
    """Nothing is overwritten."""
    both["store2"].add(address, messages=1)

    with pytest.raises(RebalanceError, match="store2: has the address already"):
        mover(both).move(address, both["store2"].peer)

    assert both.where(address) == ["store1", "store2"]
    assert len(both["store2"].texts(address)) == 1
    assert len(both["store1"].texts(address)) == 3


def test_it_stays_while_others_keep_it_open(
    both: Cluster, address: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that does not end: the account is in use again, and nothing is left of the copy."""
    monkeypatch.setattr(module, "_PAUSE_S", 0.0)
    monkeypatch.setattr(lease, "_LOCK_S", 0.05)
    home = both["store1"].mailboxes.path(address)
    session = os.open(home / "mailboxes", os.O_RDONLY)
    try:
        fcntl.flock(session, fcntl.LOCK_SH)
        with pytest.raises(BusyError):
            mover(both).move(address, both["store2"].peer)
    finally:
        os.close(session)

    assert both.where(address) == ["store1"]
    assert not (home / MOVING).exists()
    assert list(both["store2"].mail.iterdir()) == []


def test_it_stays_while_it_is_converted(both: Cluster, address: Address) -> None:
    """Two processes would copy it."""
    (both["store1"].mailboxes.path(address) / CONVERTING).mkdir()

    with pytest.raises(RebalanceError, match="converted"):
        mover(both).move(address, both["store2"].peer)

    assert both.where(address) == ["store1"]


def test_a_link_is_not_followed(both: Cluster, address: Address) -> None:
    """It could lead to another account."""
    (both["store1"].mailboxes.path(address) / "link").symlink_to("/etc/passwd")

    with pytest.raises(RebalanceError, match="symbolic link"):
        mover(both).move(address, both["store2"].peer)

    assert both.where(address) == ["store1"]


def test_an_account_that_was_deleted_meanwhile_does_not_come_back(
    both: Cluster, address: Address
) -> None:
    """Deleted before it is out of use."""
    store = both["store1"]

    def copied(peer_path: str) -> None:
        if peer_path == "/flush":
            store.mailboxes.delete(address)

    peer = both["store2"].peer
    ask = peer.ask

    def asked(path: str, *arguments: object, **more: object) -> object:
        copied(path)
        return ask(path, *arguments, **more)  # type: ignore[arg-type]

    peer.ask = asked  # type: ignore[assignment, method-assign]

    assert not mover(both).move(address, peer)

    assert both.where(address) == []
    assert list(both["store2"].mail.iterdir()) == []


def test_it_cannot_be_deleted_while_it_is_out_of_use(both: Cluster, address: Address) -> None:
    """The deletion is repeated, at the store that has the account then."""
    refused = []

    def meanwhile(_: Address) -> None:
        with pytest.raises(MovingError) as caught:
            both["store1"].mailboxes.delete(address)
        refused.append(caught)

    mover(both, meanwhile).move(address, both["store2"].peer)

    assert refused
    assert both.where(address) == ["store2"]


def test_phones_are_woken_that_might_not_have_been(both: Cluster, address: Address) -> None:
    """A notification that waits here is tried there, too."""
    accounts = both["store1"].settings.directories.accounts
    (pathlib.Path(accounts) / "pending_notifications").mkdir()
    DiskQueue(accounts).add(address, "token", now_s=1.0)

    mover(both).move(address, both["store2"].peer)

    line = pathlib.Path(both["store2"].settings.sockets.deliveries).read_text()
    assert json.loads(line)["fields"] == {"user": str(address)}


def test_other_phones_sleep_on(both: Cluster, address: Address) -> None:
    """An old message is no news."""
    mover(both).move(address, both["store2"].peer)

    assert not pathlib.Path(both["store2"].settings.sockets.deliveries).exists()
