"""The table of `lab status`."""

from chatmail_lab.status import columns, duration, size


def test_tables_are_aligned() -> None:
    """Lines end without spaces."""
    assert columns([("a", "bb"), ("ccc", "d")]) == "a    bb\nccc  d"


def test_figures_are_readable() -> None:
    """Time spans and sizes have their unit."""
    assert [duration(5), duration(123), duration(3725)] == ["5 s", "2 min 3 s", "1 h 2 min"]
    assert size(3 * 1048576) == "3 MiB"
