"""Rule O3: nobody can say what is missing in a field that Postfix may have cut."""

import pytest

from chatmaild.filter.mime.headers import Header, may_be_cut


@pytest.mark.parametrize(
    ("value", "cut"),
    [
        (b" " + b"x" * 56_990, False),
        (b" x\r\n" + b" x\r\n" * 18_990, False),  # 75,000 bytes, but Postfix counts LF alone
        (b" " + b"x" * 57_000, True),
        (b" x\r\n" + b" x\r\n" * 20_000, True),
    ],
)
def test_long_fields(value: bytes, cut: bool) -> None:
    """It drops lines of at most 2048 bytes, from 60,000 on."""
    assert cut == may_be_cut(Header(b"X-Long", value))
