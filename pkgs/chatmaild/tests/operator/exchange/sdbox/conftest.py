"""Dovecot's part, beside the tree of an upstream relay."""

import pathlib

import pytest

from chatmaild.settings import Settings

from .fake import FakeDovecot


@pytest.fixture
def dovecot(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> FakeDovecot:
    """Answers import and export."""
    fake = FakeDovecot(pathlib.Path(settings.directories.mail))
    for module in ("importing", "exporting"):
        monkeypatch.setattr(f"chatmaild.operator.exchange.{module}.Doveadm", lambda _path: fake)
    return fake
