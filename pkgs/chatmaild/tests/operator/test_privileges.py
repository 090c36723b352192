"""Root acts as the mail user."""

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
