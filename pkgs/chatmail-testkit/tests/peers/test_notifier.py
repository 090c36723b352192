"""The notification server answers as planned, and knows whose requests came."""

from __future__ import annotations

from chatmail_testkit.peers.notifier import Notifier


def test_requests_of_other_scenarios() -> None:
    """A relay retries for hours what it could not send: they are none of this scenario's."""
    notifier = Notifier()
    for token in ("mine", "of an earlier scenario", "mine"):
        assert notifier.answer(token) == 200

    assert [call.token for call in notifier.calls_for(["mine"])] == ["mine", "mine"]
    assert notifier.times_s("mine") == [call.at_s for call in notifier.calls_for(["mine"])]


def test_planned_answers() -> None:
    """One for each request, then 200."""
    notifier = Notifier()
    notifier.plan = {"x": [500, "cut"]}

    assert [notifier.answer("x") for _ in range(3)] == [500, None, 200]
