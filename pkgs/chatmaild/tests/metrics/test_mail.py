"""What the filter counts."""

from chatmaild.metrics.mail import Tally


def test_messages_and_refusals() -> None:
    """By ingress, kind and reason."""
    tally = Tally()
    tally.accepted("submission", b"<1@example.org>", signed=True)
    tally.accepted("smtp", None, signed=False)
    tally.discarded("https")
    tally.refused("smtp", 554, "no DKIM signature")
    tally.refused("smtp", 451, "overloaded")
    tally.verified("pass")
    value = tally.counters.value

    assert value("messages_accepted", ingress="submission") == 1
    assert value("messages_accepted", ingress="smtp") == 1
    assert value("messages_discarded", ingress="https") == 1
    assert value("dkim_signatures") == 1
    assert value("dkim_verifications", result="pass") == 1
    assert value("refusals", ingress="smtp", kind="permanent", reason="no DKIM signature") == 1
    assert value("refusals", ingress="smtp", kind="temporary", reason="overloaded") == 1
