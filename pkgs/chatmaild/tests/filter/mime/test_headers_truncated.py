"""Rule O3: a field that Postfix may have truncated is detected."""

import pytest

from chatmaild.filter.mime.headers import Header, may_be_truncated


@pytest.mark.parametrize(
    ("value", "truncated"),
    [
        (b" " + b"x" * 56_990, False),
        (b" x\r\n" + b" x\r\n" * 18_990, False),  # 75,000 bytes, but Postfix counts LF alone
        (b" " + b"x" * 57_000, True),
        (b" x\r\n" + b" x\r\n" * 20_000, True),
    ],
)
def test_long_fields_may_be_truncated(value: bytes, truncated: bool) -> None:
    """Postfix drops lines of up to 2048 bytes beyond 60,000 bytes."""
    assert truncated == may_be_truncated(Header(b"X-Long", value))
