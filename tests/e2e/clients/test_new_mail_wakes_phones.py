"""New mail wakes the recipient's devices through the notification server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chatmail_testkit.mail.imap import DEVICE_TOKEN
from chatmail_testkit.peers.notifier import Notifier, new_device, serving
from chatmail_testkit.people.person import Person
from chatmail_testkit.waiting import wait_for

WORKERS = 4  # concurrent first attempts
RETRY_AFTER_S = 8


@pytest.fixture
def notifier() -> Iterator[Notifier]:
    """The notification server."""
    with serving() as running:
        yield running


def test_every_device_is_notified(alice: Person, bob: Person, notifier: Notifier) -> None:
    """Each message posts each token once, and nothing else."""
    tokens = [new_device(bob), new_device(bob)]

    alice.sends(bob)

    wait_for(lambda: len(notifier.calls_for(tokens)) == len(tokens), "two calls")
    assert sorted(tokens) == sorted(call.token for call in notifier.calls_for(tokens))


def test_mail_from_another_relay_notifies(alice: Person, carol: Person, notifier: Notifier) -> None:
    """The sender's relay makes no difference."""
    token = new_device(carol)

    alice.sends(carol)

    wait_for(lambda: notifier.times_s(token), "a call")


def test_self_sent_copies_do_not_notify(alice: Person, bob: Person, notifier: Notifier) -> None:
    """Messages to oneself, for the other devices, post nothing."""
    own, other = new_device(alice), new_device(bob)

    alice.sends(alice, bob)
    assert alice.receives()
    wait_for(lambda: notifier.times_s(other), "a call")
    assert notifier.times_s(own) == []

    bob.sends(alice)
    wait_for(lambda: notifier.times_s(own), "a call")


def test_an_expired_token_is_deleted(alice: Person, bob: Person, notifier: Notifier) -> None:
    """410 deletes the token; the other device is still notified."""
    gone, good = new_device(bob), new_device(bob)
    notifier.plan[gone] = [410]

    alice.sends(bob)

    wait_for(
        lambda: bob.imap.get_metadata("INBOX", DEVICE_TOKEN)[DEVICE_TOKEN] == good,
        "one token",
    )
    alice.sends(bob)
    wait_for(lambda: len(notifier.times_s(good)) == 2, "a second call")
    assert len(notifier.times_s(gone)) == 1


def test_failed_requests_are_retried(alice: Person, bob: Person, notifier: Notifier) -> None:
    """A server error and a closed connection are retried after 8 s."""
    failing, cut = new_device(bob), new_device(bob)
    notifier.plan = {failing: [500], cut: ["cut"]}

    alice.sends(bob)

    wait_for(lambda: len(notifier.calls_for([failing, cut])) == 4, "second calls")
    for token in (failing, cut):
        first_s, second_s = notifier.times_s(token)
        assert second_s - first_s > RETRY_AFTER_S - 1


def test_a_hanging_server_delays_no_other_push(
    alice: Person, bob: Person, notifier: Notifier
) -> None:
    """All workers but one wait; the others are notified."""
    hanging = [new_device(bob) for _ in range(WORKERS - 1)]
    notifier.plan = {token: ["hang"] for token in hanging}
    alice.sends(bob)
    wait_for(lambda: len(notifier.calls_for(hanging)) == len(hanging), "three calls")
    token = new_device(alice)

    bob.sends(alice)

    wait_for(lambda: notifier.times_s(token), "a call")


def _registered(person: Person) -> str | None:
    return person.imap.get_metadata("INBOX", DEVICE_TOKEN)[DEVICE_TOKEN]
