"""Which messages are measured."""

from chatmaild.metrics.recent import SAMPLED, SIZE, Recent


def test_one_of_eight_is_sampled() -> None:
    """By the Message-ID, however it is written, so that all processes take the same ones."""
    filter_, accounts = Recent(), Recent()
    for number in range(8000):
        filter_.note(b" <%d@example.org>\r\n" % number, 1)
        accounts.note(b"<%d@example.org>" % number, 1)

    assert filter_.entries() == accounts.entries()
    assert 8000 / SAMPLED * 0.8 < len(filter_.entries()) < 8000 / SAMPLED * 1.2


def test_only_the_last_ones_stay() -> None:
    """Memory is bounded."""
    recent = Recent()
    for number in range(20 * SIZE):
        recent.note(b"%d" % number, number)

    assert len(recent.entries()) == SIZE
    assert min(at_s for _, at_s in recent.entries()) > SIZE


def test_no_message_id_is_kept() -> None:
    """It holds the sender's domain."""
    recent = Recent()
    for number in range(100):
        recent.note(b"<%d@example.org>" % number, number)

    assert recent.entries()
    assert all("example" not in key and len(key) == 16 for key, _ in recent.entries())
