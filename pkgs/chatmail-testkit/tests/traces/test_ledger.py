"""The ledger has what tests used, once, and nothing that files have for other reasons."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatmail_testkit.mail import messages
from chatmail_testkit.people.names import new_name, new_password
from chatmail_testkit.traces import ledger
from chatmail_testkit.traces.ledger import Kind, Secret


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The ledger."""
    path = tmp_path / "ledger"
    monkeypatch.setenv(ledger.VARIABLE, str(path))
    monkeypatch.setattr(ledger, "_recorded", set())
    return path


def test_names_passwords_and_subjects(file: Path) -> None:
    """Each once."""
    name, password = new_name(), new_password()
    messages.plain(f"{name}@a.test", ["b@b.test"], headers={"Subject": "the old mill"})
    ledger.record("address", name)

    assert len(file.read_text().splitlines()) == 3
    assert ledger.read(file) == {
        Secret("address", name),
        Secret("password", password),
        Secret("subject", "the old mill"),
    }


def test_answers_of_new(file: Path) -> None:
    """Only those that have an address."""
    ledger.record_answer(b'{"email": "qz1234567@a.test", "password": "a long one"}')
    ledger.record_answer(b'{"reason": "closed"}')
    ledger.record_answer(b"<html>")
    ledger.record_answer(b"[1]")

    assert ledger.read(file) == {Secret("address", "qz1234567"), Secret("password", "a long one")}


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("address", "postmaster"),
        ("address", "me1"),
        ("password", "wrong"),
        ("device token", "x" * 5000),
        ("invite", "language=de&x=y"),
        ("subject", "[...]"),
    ],
)
def test_common_words(kind: Kind, value: str, file: Path) -> None:
    """They are in files for other reasons, or harmless."""
    ledger.record(kind, value)

    assert not file.exists()


@pytest.mark.usefixtures("file")
def test_without_a_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written."""
    monkeypatch.delenv(ledger.VARIABLE)

    ledger.record("address", new_name())


def test_many_at_once(file: Path) -> None:
    """Lines do not mix."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: new_name(), range(400)))

    assert len(ledger.read(file)) == 400
