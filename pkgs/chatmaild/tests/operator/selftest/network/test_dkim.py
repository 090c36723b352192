"""The published key must be the one that signs."""

import pytest

from chatmaild.operator.selftest.network import dkim
from chatmaild.operator.selftest.report import Verdict


def record(key: str) -> str:
    return f"v=DKIM1;k=rsa;p={key};s=email;t=s"


@pytest.mark.parametrize(
    ("published", "verdict"),
    [
        ((record("AAAA"),), Verdict.OK),
        (('p="AA AA"; k=rsa',), Verdict.OK),
        ((record("BBBB"),), Verdict.FAILED),
        ((record("AAAA"), record("BBBB")), Verdict.FAILED),
        ((), Verdict.FAILED),
    ],
)
def test_the_published_key_must_be_the_own_one(
    published: tuple[str, ...], verdict: Verdict
) -> None:
    """Formatting of a web form does not matter, the key does."""
    assert dkim.judge("x._domainkey.example.org", published, record("AAAA")).verdict == verdict
