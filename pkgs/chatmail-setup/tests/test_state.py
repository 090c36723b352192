"""The file between `apply` and the screen."""

from pathlib import Path

from chatmail_setup.state import Phase, State


def test_the_state_is_stored(tmp_path: Path) -> None:
    """Without a file it is `starting`."""
    state = State(phase=Phase.MISTAKES, domain=None, sentences=("No.",))
    state.save(tmp_path / "state.json")

    assert State.load(tmp_path / "state.json") == state
    assert State.load(tmp_path / "none") == State()
