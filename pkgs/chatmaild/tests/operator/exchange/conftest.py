"""A tree of an upstream relay, and the state of a mailbox here."""

import pathlib

import pytest

from .old_relay import OldRelay


@pytest.fixture
def old(tmp_path: pathlib.Path) -> OldRelay:
    """The disk of an upstream relay, without addresses yet."""
    return OldRelay(tmp_path / "old")


@pytest.fixture
def restarts(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Restarts of the filter, instead of them."""
    done: list[bool] = []
    monkeypatch.setattr(
        "chatmaild.operator.exchange.dkim.restart_filter", lambda: done.append(True)
    )
    return done
