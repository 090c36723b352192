"""The directory of a lab and its saved state."""

import json
from pathlib import Path

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.machine.namespaces import NamespaceKeeper
from chatmail_lab.plan import plan_hosts
from chatmail_lab.state import LabDirectory, State


def test_a_saved_state_is_loaded_unchanged() -> None:
    """`from_json` reverses `to_json`."""
    state = State(
        keeper=NamespaceKeeper(pid=7, started="8"),
        hosts=plan_hosts(["a.test"]),
        image="/root",
        started_s=1.5,
        config="/operator.nix",
    )

    assert state == State.from_json(state.to_json())


@pytest.mark.parametrize("key", ["keeper", "holder"])
def test_a_lab_of_another_version_can_be_taken_down(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its namespaces are found, although its state is not understood."""
    monkeypatch.setenv("CHATMAIL_LAB_STATE", str(tmp_path))
    directory = LabDirectory.of("old")
    directory.path.mkdir()
    (directory.path / "lab.json").write_text(json.dumps({key: {"pid": 7, "started": "8"}}))

    assert directory.keeper() == NamespaceKeeper(pid=7, started="8")
    with pytest.raises(LabError, match="another version started lab 'old'"):
        directory.load()


@pytest.mark.parametrize("name", ["", "A", "../x", "a b", "x" * 32])
def test_the_name_of_a_lab_is_a_plain_file_name(name: str) -> None:
    """It becomes a directory."""
    with pytest.raises(LabError, match="cannot name a lab"):
        LabDirectory.of(name)
