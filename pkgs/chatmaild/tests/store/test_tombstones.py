"""The names of deleted addresses are kept for a time, as keyed hashes."""

import multiprocessing
import pathlib

import pytest

from chatmaild.address import Address, parse_address
from chatmaild.store.mailboxes import DAY_S
from chatmaild.store.tombstones import HASH_BYTES, Tombstones

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob123456@chat.example.org")
DAYS = 90
NOW_S = 20000 * DAY_S + 7200.0


@pytest.fixture
def tombstones(tmp_path: pathlib.Path) -> Tombstones:
    """None yet, not even the directory."""
    return Tombstones(tmp_path, DAYS)


def test_a_deleted_address_is_known_until_its_time_is_over(tombstones: Tombstones) -> None:
    """In any spelling; another one is not."""
    assert not tombstones.has(ALICE, now_s=NOW_S)
    tombstones.add(parse_address("Alice1234+tag@Chat.Example.Org"), now_s=NOW_S)

    assert tombstones.has(ALICE, now_s=NOW_S)
    assert tombstones.has(ALICE, now_s=NOW_S + DAYS * DAY_S)
    assert not tombstones.has(ALICE, now_s=NOW_S + (DAYS + 1) * DAY_S)
    assert not tombstones.has(BOB, now_s=NOW_S)


def test_other_processes_see_it(tombstones: Tombstones, tmp_path: pathlib.Path) -> None:
    """The operator's command deletes, the accounts service answers."""
    service = Tombstones(tmp_path, DAYS)
    for number in range(100):
        name = parse_address(f"user{number:05}@chat.example.org")
        assert not service.has(name, now_s=NOW_S)
        tombstones.add(name, now_s=NOW_S)
        assert service.has(name, now_s=NOW_S)


def test_the_files_name_nobody(tombstones: Tombstones, tmp_path: pathlib.Path) -> None:
    """16 bytes for a deletion, in a file of the day; only the owner reads it."""
    tombstones.add(ALICE, now_s=NOW_S)
    tombstones.add(BOB, now_s=NOW_S + DAY_S)

    directory = tmp_path / "deleted"
    assert sorted(path.name for path in directory.iterdir()) == ["2024-10-04", "2024-10-05", "key"]
    assert (directory / "2024-10-04").stat().st_size == HASH_BYTES
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert directory.stat().st_mode & 0o777 == 0o700
    other = Tombstones(tmp_path / "other", DAYS)
    other.add(ALICE, now_s=NOW_S)
    assert (tmp_path / "other/deleted/2024-10-04").read_bytes() != (
        directory / "2024-10-04"
    ).read_bytes()


def test_expiry_removes_whole_days(tombstones: Tombstones, tmp_path: pathlib.Path) -> None:
    """And no day that still counts; strange files stay."""
    tombstones.add(ALICE, now_s=NOW_S)
    tombstones.add(BOB, now_s=NOW_S + DAY_S)
    (tmp_path / "deleted/2024-1-1").touch()

    assert tombstones.expire(now_s=NOW_S + DAYS * DAY_S) == 0
    assert tombstones.expire(now_s=NOW_S + (DAYS + 1) * DAY_S) == 1
    assert not (tmp_path / "deleted/2024-10-04").exists()
    assert tombstones.has(BOB, now_s=NOW_S + (DAYS + 1) * DAY_S)


def test_an_interrupted_write_spoils_nothing(
    tombstones: Tombstones, tmp_path: pathlib.Path
) -> None:
    """The rest of a hash is overwritten; a hash is found at its place only."""
    tombstones.add(ALICE, now_s=NOW_S)
    file = tmp_path / "deleted/2024-10-04"
    whole = file.read_bytes()
    file.write_bytes(whole + b"part")

    tombstones.add(BOB, now_s=NOW_S)
    assert file.stat().st_size == 2 * HASH_BYTES
    assert tombstones.has(ALICE, now_s=NOW_S)
    assert tombstones.has(BOB, now_s=NOW_S)
    file.write_bytes(b"x" + whole + b"x" * 15)
    assert not Tombstones(tmp_path, DAYS).has(ALICE, now_s=NOW_S)


def test_two_processes_make_one_key(tmp_path: pathlib.Path) -> None:
    """Both hash with it."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        pool.starmap(_add, [(tmp_path, number) for number in range(8)])

    tombstones = Tombstones(tmp_path, DAYS)
    assert all(tombstones.has(_name(number), now_s=NOW_S) for number in range(8))


def _name(number: int) -> Address:
    return parse_address(f"user{number:05}@chat.example.org")


def _add(parent: pathlib.Path, number: int) -> None:
    Tombstones(parent, DAYS).add(_name(number), now_s=NOW_S)
