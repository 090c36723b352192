"""The state of a move survives, and tells what is damaged."""

import pathlib
from dataclasses import replace

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.move.state import Move, Phase, Place, why_closed
from chatmaild.settings import Settings

MOVE = Move(number="a", phase="copying", peer="root@new.test", since_s=1.5)


def test_nothing(tmp_path: pathlib.Path) -> None:
    """Most machines never move."""
    place = Place(tmp_path / "move")

    assert place.load() is None
    assert not place.is_closed
    place.forget()


def test_what_was_saved(tmp_path: pathlib.Path) -> None:
    """The directory is made; services read what is for them."""
    place = Place(tmp_path / "move")
    place.save(MOVE)
    place.close()
    place.forward_to(["192.0.2.2", "2001:db8::2"])

    assert place.load() == MOVE
    assert place.is_closed
    assert place.forward.read_text() == "192.0.2.2\n2001:db8::2\n"
    assert place.forward.stat().st_mode & 0o777 == 0o644
    place.forget()
    assert place.load() is None
    assert not place.is_closed
    assert not place.forward.exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"number": 1}'])
def test_a_damaged_file(tmp_path: pathlib.Path, text: str) -> None:
    """Is an error, not a machine without a move."""
    (tmp_path / "state.json").write_text(text)

    with pytest.raises(ChatmaildError, match="damaged"):
        Place(tmp_path).load()


def test_one_command_at_a_time(tmp_path: pathlib.Path) -> None:
    """The second says so."""
    place = Place(tmp_path)
    with (
        place.locked(),
        pytest.raises(ChatmaildError, match="another `chatmail move`"),
        Place(tmp_path).locked(),
    ):
        pass
    # flock(2) needs no right to write
    assert (tmp_path / "lock").stat().st_mode & 0o077 == 0
    with place.locked():
        pass


@pytest.mark.parametrize(
    ("phase", "why", "what"),
    [
        ("moved", "the relay moved to root@new.test on 1970-01-01", "delete its disk"),
        ("closed", "the move to root@new.test was interrupted", "chatmail move root@new.test"),
        ("receiving", "it receives a relay", "wait"),
    ],
)
def test_a_closed_machine_says_why(settings: Settings, phase: Phase, why: str, what: str) -> None:
    """For `chatmail status`."""
    place = Place.of(settings)
    assert why_closed(settings) is None
    place.save(replace(MOVE, phase=phase))
    place.close()

    found = why_closed(settings)
    assert found is not None
    assert why in found[0]
    assert what in found[1]
