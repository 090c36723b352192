"""The MTA-STS policy is judged as senders read it."""

import pytest

from chatmaild.errors import ChatmaildError
from chatmaild.operator.dnscheck import policy
from chatmaild.operator.dnscheck.compare import view_of

from .world import EXPECTED, HERE, POLICY, right


def _ask(name: str, kind: str) -> list[str]:
    return right().get((name, kind), [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (POLICY, ""),
        (POLICY.replace("mx: chat.", "mx: *."), ""),
        (POLICY.replace("enforce", "testing"), "mode testing"),
        (POLICY.replace("mx: chat.", "mx: mail."), "does not name chat.example.org"),
        ("<html>404</html>", "malformed"),
        ("", "malformed"),
    ],
)
def test_a_policy_is_read(text: str, problem: str) -> None:
    """Its mode demands TLS, and its names match each host of MX."""
    found = policy.judge(view_of(EXPECTED, _ask, HERE), lambda _: text)

    assert (found.state == "ok") == (problem == "")
    assert problem in found.problem


def test_a_policy_that_cannot_be_had_is_missing() -> None:
    """With the reason."""

    def fails(_: str) -> str:
        raise ChatmaildError("HTTP status 404")

    found = policy.judge(view_of(EXPECTED, _ask, HERE), fails)

    assert found.is_fault
    assert "HTTP status 404" in found.problem
