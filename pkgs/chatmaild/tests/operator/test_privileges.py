"""Root acts as the mail user."""

from pathlib import Path

import pytest

from chatmaild.operator import privileges


def test_root_acts_as_the_mail_user_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that it makes belong to the mail user."""
    calls: list[tuple[str, int]] = []
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.getegid", lambda: 0)
    monkeypatch.setattr("os.seteuid", lambda uid: calls.append(("uid", uid)))
    monkeypatch.setattr("os.setegid", lambda gid: calls.append(("gid", gid)))

    with privileges.acting_as("nobody"):
        inside = list(calls)

    assert [name for name, _ in inside] == ["gid", "uid"]
    assert calls[2:] == [("uid", 0), ("gid", 0)]


def test_the_journal_does_not_get_our_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes the line: journald adds the writer's command line."""
    written = tmp_path / "written"
    writer = tmp_path / "python3"
    writer.write_text(f'#!/bin/sh\nprintf "%s\\n" "$4" > {written}\n')
    writer.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(writer))
    monkeypatch.setenv("SUDO_USER", "ines")

    privileges.audit("%d addresses imported", 3)

    assert written.read_text() == "3 addresses imported (operator: ines)\n"
