"""After a kill one store alone has the account: the one that the other store names."""

import json
import pathlib
import secrets

import pytest

from chatmaild.address import Address
from chatmaild.errors import MovingError, RebalanceError, StoreDownError
from chatmaild.rebalance import tree
from chatmaild.rebalance.leaving import recovery
from chatmaild.rebalance.leaving.copying import Copy
from chatmaild.rebalance.leaving.recovery import Question
from chatmaild.rebalance.peer import Peer
from chatmaild.store.mail.moving import COMMITTING, MOVING, Departed, is_out_of_use

from ..cluster import Cluster


class Killed:
    """A move that was killed after some of its steps."""

    def __init__(self, cluster: Cluster, *, committed: bool) -> None:
        self.cluster = cluster
        self.source, self.target = cluster["store1"], cluster["store2"]
        self.target.start()
        self.address: Address = cluster.address(1)
        self.home = self.source.add(self.address)
        self.peer = self.target.peer
        self.question = Question("store2", secrets.token_hex(16))
        (self.home / MOVING).mkdir()
        content = {"id": self.question.number, "address": str(self.address)}
        self.peer.tell("/begin", content | {"bytes": 1, "files": 1})
        found = Copy(self.home, self.question.number, self.peer).renew()
        recovery.write(self.home, self.question)
        if committed:
            self.peer.tell("/commit", content | {"digest": tree.digest(found), "news": False})

    def recover(self) -> bool:
        """What the service does when it starts again."""
        departed = Departed(self.source.settings.directories.accounts)
        return recovery.recover(self.source.mailboxes, departed, self.address, self._peer_of)

    def _peer_of(self, store: str) -> Peer:
        if store != "store2":
            raise RebalanceError(f"store {store} is not in cluster.stores")
        return self.peer


def test_killed_before_the_other_store_had_it(cluster: Cluster) -> None:
    """The account stays, with its mail, and the copy is gone."""
    killed = Killed(cluster, committed=False)

    assert is_out_of_use(killed.home)
    assert not killed.recover()
    assert cluster.where(killed.address) == ["store1"]
    assert not is_out_of_use(killed.home)
    assert not (killed.home / MOVING).exists()
    assert len(killed.source.texts(killed.address)) == 3
    assert list(killed.target.mail.iterdir()) == []


def test_killed_after_the_other_store_had_it(cluster: Cluster) -> None:
    """The account is there alone, and nothing waits for another question."""
    killed = Killed(cluster, committed=True)

    assert cluster.where(killed.address) == ["store1", "store2"]
    assert is_out_of_use(killed.home)
    assert killed.recover()
    assert cluster.where(killed.address) == ["store2"]
    assert list(killed.source.mail.iterdir()) == []
    accounts = pathlib.Path(killed.target.settings.directories.accounts)
    assert list((accounts / "arrivals").iterdir()) == []


def test_the_answer_is_yes_although_the_account_was_deleted_since(cluster: Cluster) -> None:
    """Otherwise the old copy would come back to life."""
    killed = Killed(cluster, committed=True)
    killed.target.mailboxes.delete(killed.address)

    assert killed.recover()
    assert cluster.where(killed.address) == []


def test_an_account_that_is_just_being_deleted_keeps_its_answer(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deletion that is slow sees the move at last, and puts the account back."""
    monkeypatch.setattr(recovery, "_BACK_S", 0.0)
    killed = Killed(cluster, committed=True)
    aside = killed.home.rename(killed.home.with_name(".trash-0"))
    departed = Departed(killed.source.settings.directories.accounts)
    trash = recovery.leave(killed.source.mailboxes, departed, killed.address)
    recovery.clean(trash, killed.peer, killed.question)

    aside.rename(killed.home)
    assert killed.recover()
    assert cluster.where(killed.address) == ["store2"]


def test_after_a_no_the_copy_never_becomes_an_account(cluster: Cluster) -> None:
    """A commit that arrives after the answer is refused."""
    killed = Killed(cluster, committed=False)
    digest = tree.digest(tree.read(killed.home))
    killed.recover()

    content = {"id": killed.question.number, "address": str(killed.address)}
    with pytest.raises(StoreDownError):
        killed.peer.tell("/commit", content | {"digest": digest, "news": False})
    assert cluster.where(killed.address) == ["store1"]


def test_it_is_out_of_use_until_the_other_store_answers(cluster: Cluster) -> None:
    """Nobody changes the copy that may be the old one: the change would be lost."""
    killed = Killed(cluster, committed=True)
    killed.target.kill()

    with pytest.raises(StoreDownError):
        killed.recover()
    assert is_out_of_use(killed.home)
    mailboxes = killed.source.mailboxes
    for change in (
        lambda: mailboxes.delete(killed.address),
        lambda: mailboxes.set_disabled(killed.address, disabled=True),
        lambda: mailboxes.set_password_hash(killed.address, "new", now_s=1.0),
    ):
        with pytest.raises(MovingError):
            change()
    assert mailboxes.exists(killed.address)
    assert not mailboxes.is_disabled(killed.address)

    killed.target.start()
    assert killed.recover()
    assert cluster.where(killed.address) == ["store2"]


def test_killed_while_it_was_copied(cluster: Cluster) -> None:
    """Nobody need be asked."""
    home = cluster["store1"].add(cluster.address(1))
    (home / MOVING).mkdir()

    def peer_of(_: str) -> Peer:
        raise AssertionError

    store = cluster["store1"]
    departed = Departed(store.settings.directories.accounts)
    assert not recovery.recover(store.mailboxes, departed, cluster.address(1), peer_of)
    assert not (home / MOVING).exists()


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"store": "store2"})])
def test_a_question_that_cannot_be_read_has_no_answer(cluster: Cluster, content: str) -> None:
    """The account stays out of use, and the operator reads why."""
    home = cluster["store1"].add(cluster.address(1))
    (home / MOVING).mkdir()
    (home / MOVING / COMMITTING).write_text(content)

    with pytest.raises(RebalanceError, match="cannot be read"):
        recovery.read(home)
    assert is_out_of_use(home)
