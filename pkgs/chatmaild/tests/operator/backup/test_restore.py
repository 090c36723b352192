"""A backup on another machine: everything is there, and nothing is half there."""

import dataclasses
import pathlib
import time
from typing import Literal

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.backup import create, restore
from chatmaild.operator.selftest.report import ok
from chatmaild.settings import Settings
from chatmaild.store.invites import Invites
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.tombstones import Tombstones

from .conftest import ALICE, BOB, Repository, Units, part


@pytest.fixture
def saved(relay: Settings, repository: Repository, note: pathlib.Path) -> Repository:
    """A relay with Alice, an invite, a key and queued mail, in a backup with mail."""
    Mailboxes.of(relay).create(ALICE, "$y$alice", now_s=1e9)
    mailbox = pathlib.Path(relay.directories.mail) / str(ALICE)
    for name in ("cur/1.x:2,S", "new/1.x", "new/2.x"):
        (mailbox / name).parent.mkdir(exist_ok=True)
        (mailbox / name).write_text(name)
    Invites.of(relay).create(uses=3, expires_s=None)
    (pathlib.Path(relay.directories.dkim) / "chatmail.private").write_text("key")
    queue = pathlib.Path(relay.directories.postfix_queue)
    for name in ("active/Q1", "deferred/Q/Q1", "deferred/Q/Q2", "private/socket"):
        (queue / name).parent.mkdir(parents=True, exist_ok=True)
        (queue / name).write_text(name)
    stop_file = pathlib.Path(relay.registration.stop_file)
    stop_file.parent.mkdir(parents=True)
    stop_file.touch()
    create.run(
        relay,
        repository,
        with_mail=True,
        init=False,
        note=note,
        look=lambda _: ok("clock", ""),
    )
    return repository


def _restore(
    machine: Settings,
    saved: Repository,
    note: pathlib.Path,
    units: Units,
    *,
    wanted: str = "latest",
    force: bool = False,
) -> list[str]:
    return restore.run(machine, saved, wanted, force=force, note=note, run=units)


def test_everything_is_there(
    new_machine: Settings, saved: Repository, note: pathlib.Path, units: Units
) -> None:
    """At the paths of the new machine, with modes and times; the next steps are told."""
    lines = _restore(new_machine, saved, note, units)

    mailboxes = Mailboxes.of(new_machine)
    assert mailboxes.password_hash(ALICE) == "$y$alice"
    assert mailboxes.last_login_s(ALICE) == int(1e9) // 86400 * 86400
    assert [invite.uses_left for invite in Invites.of(new_machine).all()] == [3]
    key = pathlib.Path(new_machine.directories.dkim) / "chatmail.private"
    assert key.read_text() == "key"
    assert pathlib.Path(new_machine.registration.stop_file).exists()
    assert "1 addresses, mail and queue" in lines[0]
    assert any("chatmail dns --check" in line for line in lines)


def test_a_message_is_there_once(
    new_machine: Settings, saved: Repository, note: pathlib.Path, units: Units
) -> None:
    """It was renamed, or moved to another queue, while it was read."""
    _restore(new_machine, saved, note, units)

    mailbox = pathlib.Path(new_machine.directories.mail) / str(ALICE)
    queue = pathlib.Path(new_machine.directories.postfix_queue)
    assert [file.name for file in (mailbox / "cur").iterdir()] == ["1.x:2,S"]
    assert [file.name for file in (mailbox / "new").iterdir()] == ["2.x"]
    assert list((queue / "active").iterdir()) == []
    assert sorted(file.name for file in (queue / "deferred/Q").iterdir()) == ["Q1", "Q2"]
    assert not (queue / "private").exists()
    assert ["postsuper", "-s"] in units.commands


def test_the_relay_is_stopped_meanwhile(
    new_machine: Settings, saved: Repository, note: pathlib.Path, units: Units
) -> None:
    """Old addresses are deleted before anybody logs in; old mail when Dovecot runs again."""
    _restore(new_machine, saved, note, units)

    assert units.verbs == ["stop", "-s", "start", "restart", "start", "start"]
    stopped, _, expired, restarted, started, again = units.commands
    assert {"postfix", "dovecot", "chatmail-accounts"} <= set(stopped)
    assert "unbound" not in stopped
    assert expired[-1] == "chatmail-expire.service"
    assert "nginx" in restarted
    assert set(new_machine.units) <= set(started)
    assert again[-1] == "chatmail-expire.service"


def test_nothing_is_left_beside(
    new_machine: Settings, saved: Repository, note: pathlib.Path, units: Units
) -> None:
    """No unfinished directory."""
    _restore(new_machine, saved, note, units)

    top = pathlib.Path(new_machine.directories.state).parents[2]
    assert list(top.rglob(".deleted-*")) == []


def test_a_machine_with_addresses_is_not_touched(
    new_machine: Settings, saved: Repository, note: pathlib.Path, units: Units
) -> None:
    """Unless the operator says so; then they are gone."""
    mailboxes = Mailboxes.of(new_machine)
    mailboxes.create(BOB, "$y$bob", now_s=1e9)
    with pytest.raises(ChatmaildError, match="--force"):
        _restore(new_machine, saved, note, units)
    assert units.commands == []

    _restore(new_machine, saved, note, units, force=True)

    assert mailboxes.exists(ALICE)
    assert not mailboxes.exists(BOB)


def test_a_full_disk_changes_nothing(
    new_machine: Settings, saved: Repository, note: pathlib.Path, units: Units
) -> None:
    """The units start again."""
    saved.broken = "postfix"

    with pytest.raises(ChatmaildError, match="no space left"):
        _restore(new_machine, saved, note, units)

    top = pathlib.Path(new_machine.directories.state).parents[2]
    assert list(top.rglob("password")) == []
    assert list(top.rglob(".deleted-*")) == []
    assert units.verbs == ["stop", "restart", "start"]


def test_another_relay_is_refused(
    new_machine: Settings, saved: Repository, note: pathlib.Path, units: Units
) -> None:
    """Addresses contain the domain."""
    other = dataclasses.replace(new_machine, domain="other.example.org")

    with pytest.raises(ChatmaildError, match=r"is of chat\.example\.org"):
        _restore(other, saved, note, units)


def test_another_machine_of_several_is_refused(
    new_machine: Settings, saved: Repository, note: pathlib.Path, units: Units
) -> None:
    """Its addresses would be where no front looks for them."""
    store = part(new_machine, "store", "store2")

    with pytest.raises(ChatmaildError, match="is of a whole relay, and this machine is the store"):
        _restore(store, saved, note, units)
    assert units.commands == []


@pytest.mark.parametrize(("role", "other"), [("store", "store2"), ("front", "front2")])
def test_the_parts_of_a_machine_of_several(
    relay: Settings,
    new_machine: Settings,
    saved: Repository,
    note: pathlib.Path,
    units: Units,
    role: Literal["front", "store"],
    other: str,
) -> None:
    """A store has addresses and mail, a front keys and queue; neither is restored as another."""
    if role == "front":
        Mailboxes.of(relay).delete(ALICE)
    old, new = part(relay, role, f"{role}1"), part(new_machine, role, f"{role}1")
    create.run(old, saved, with_mail=True, init=False, note=note, look=lambda _: ok("clock", ""))

    with pytest.raises(ChatmaildError, match=f"is of the {role} {role}1"):
        _restore(part(new_machine, role, other), saved, note, units)
    _restore(new, saved, note, units)

    is_store = role == "store"
    queue = pathlib.Path(new.directories.postfix_queue)
    assert Mailboxes.of(new).exists(ALICE) is is_store
    assert (queue / "deferred/Q/Q2").exists() is not is_store
    assert pathlib.Path(new.registration.stop_file).exists() is is_store
    said = " ".join(" ".join(command) for command in units.commands)
    assert ("chatmail-expire.service" in said) is is_store
    systemctl = [command[1:] for command in units.commands if command[0] == "systemctl"]
    # it wants a unit
    assert [asked for asked in systemctl if len(asked) < 2] == []
    assert not any("wg-quick" in " ".join(names) for verb, *names in systemctl if verb == "stop")


def test_deleted_addresses_stay_deleted(
    relay: Settings, saved: Repository, note: pathlib.Path, units: Units
) -> None:
    """On the same machine: deleted after the backup, which still has it."""
    Tombstones.of(relay).add(ALICE, now_s=time.time())
    Mailboxes.of(relay).delete(ALICE)

    lines = _restore(relay, saved, note, units)

    assert not Mailboxes.of(relay).exists(ALICE)
    assert lines[0] == "left out 1 addresses that were deleted since the backup"


def test_an_address_that_was_created_again_since_stays(
    relay: Settings, saved: Repository, note: pathlib.Path, units: Units
) -> None:
    """On the same machine: deleted and created again after the backup, or on its day."""
    Tombstones.of(relay).add(ALICE, now_s=time.time())

    _restore(relay, saved, note, units, force=True)

    assert Mailboxes.of(relay).exists(ALICE)


def test_an_address_that_was_created_again_comes_back(
    relay: Settings, repository: Repository, note: pathlib.Path, units: Units
) -> None:
    """Its deletion is older than the backup."""
    Tombstones.of(relay).add(ALICE, now_s=time.time() - 2 * 86400)
    Mailboxes.of(relay).create(ALICE, "$y$alice", now_s=1e9)
    create.run(
        relay,
        repository,
        with_mail=False,
        init=False,
        note=note,
        look=lambda _: ok("clock", ""),
    )

    _restore(relay, repository, note, units, force=True)

    assert Mailboxes.of(relay).exists(ALICE)


@pytest.mark.parametrize("wanted", ["00000000", "0000"])
def test_a_backup_is_chosen_by_its_id(saved: Repository, wanted: str) -> None:
    """Or by its beginning."""
    assert restore.choose(saved.snapshots(), wanted).id == "00000000"


@pytest.mark.parametrize("wanted", ["", "f", "ffffffff", "--"])
def test_other_ids(saved: Repository, wanted: str) -> None:
    """The command that shows them is named."""
    with pytest.raises(ChatmaildError, match="chatmail backup list"):
        restore.choose(saved.snapshots(), wanted)


def test_an_empty_repository() -> None:
    """It may have backups of other relays."""
    with pytest.raises(ChatmaildError, match="no backup of this relay"):
        restore.choose([], "latest")
