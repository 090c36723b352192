"""A store has an identity, and a front knows those of all stores."""

import pathlib

import pytest

from chatmaild.accounts.cluster.identity import Identities, of_store
from chatmaild.settings import Settings

STORES = ("store1", "store2")


@pytest.fixture
def file(tmp_path: pathlib.Path) -> pathlib.Path:
    """Where a front keeps them."""
    return tmp_path / "stores.json"


def test_a_store_keeps_its_identity(settings: Settings) -> None:
    """Another disk has another one."""
    own = of_store(settings)
    assert of_store(settings) == own

    (pathlib.Path(settings.directories.accounts) / "identity").unlink()
    assert of_store(settings) != own


def test_a_front_knows_the_first_one(file: pathlib.Path) -> None:
    """Also after a restart; a store of an earlier version, which has none, is taken."""
    front = Identities(file, STORES)
    assert not front.is_other("store1", "a")
    front.learn("store1", "a")
    front.learn("store1", "b")
    front.learn("store2", None)

    for known in (front, Identities(file, STORES)):
        assert known.is_other("store1", "b")
        assert not known.is_other("store1", "a")
        assert not known.is_other("store1", None)
        assert not known.is_other("store2", "b")


def test_a_name_that_left_the_settings_is_free_again(file: pathlib.Path) -> None:
    """A new machine may get the name of a drained store."""
    Identities(file, STORES).learn("store2", "a")
    Identities(file, ["store1"])

    assert not Identities(file, STORES).is_other("store2", "b")


def test_a_file_that_cannot_be_used_is_logged(
    tmp_path: pathlib.Path, file: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is known then, and what is learnt counts until the process ends."""
    file.write_text("[")
    assert not Identities(file, STORES).is_other("store1", "a")
    front = Identities(tmp_path / "missing" / "stores.json", STORES)
    front.learn("store1", "a")

    assert front.is_other("store1", "b")
    assert len(caplog.records) == 2
