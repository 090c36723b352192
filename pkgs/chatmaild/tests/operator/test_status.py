"""`chatmail status`."""

import pathlib
import time

import pytest

from chatmaild.address import parse_address
from chatmaild.operator import status
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import Mailboxes

from .conftest import Chatmail

ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)


def test_status_counts_people_and_tests_apart(chatmail: Chatmail, mailboxes: Mailboxes) -> None:
    """Addresses that begin with ci- belong to automatic tests."""
    mailboxes.create(ACCOUNT, "hash", now_s=time.time())
    mailboxes.create(
        parse_address("ci-123456@chat.example.org"), "hash", now_s=time.time() - 20 * 86400
    )

    lines = chatmail("status")[1]

    assert "addresses      2: 1 of people, 1 of tests" in lines
    assert any(line.endswith("1 in 1, 1 in 10, 2 in 30, 2 in 40, 2 in 80 days") for line in lines)


def test_status_says_why_a_given_certificate_is_not_used(
    chatmail: Chatmail, settings: Settings
) -> None:
    """While every unit is active, nothing else does."""
    assert not any(line.startswith("certificate ") for line in chatmail("status")[1])

    problem = pathlib.Path(settings.directories.tls) / "problem"
    problem.write_text("/c.pem and /k.pem do not belong together\n")

    assert "certificate    /c.pem and /k.pem do not belong together" in chatmail("status")[1]


@pytest.mark.parametrize(("most", "told"), [("128", True), ("65535", False)])
def test_status_tells_what_a_container_may_not(
    chatmail: Chatmail,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    most: str,
    told: bool,
) -> None:
    """Its host sets the limits of the kernel."""
    (tmp_path / "instances").write_text(f"{most}\n")
    monkeypatch.setattr(status, "WATCHES", tmp_path / "instances")

    assert told == any(line.startswith("waiting ") for line in chatmail("status")[1])
