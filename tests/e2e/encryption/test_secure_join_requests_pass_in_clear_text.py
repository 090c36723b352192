"""A secure join request passes in clear text, because the two users have no keys yet."""

from __future__ import annotations

import pytest
from chatmail_testkit.mail import messages
from chatmail_testkit.people.person import Person

REQUEST = "secure-join: vc-request"
TEXT = "text/plain; charset=utf-8"


@pytest.mark.parametrize("where", ["bob", "carol"])
def test_a_request_passes(where: str, alice: Person, request: pytest.FixtureRequest) -> None:
    """To the same relay and to another one."""
    recipient: Person = request.getfixturevalue(where)
    message = messages.secure_join_request(alice.address, recipient.address)

    reply = alice.submits(message, recipient)

    assert reply.code == 250, reply.text
    assert recipient.receives().headers["Secure-Join"] == "vc-request"


@pytest.mark.parametrize(
    ("what", "step", "parts"),
    [
        ("other text", "vc-request", [(TEXT, "hello")]),
        ("more text", "vc-request", [(TEXT, f"{REQUEST}\r\nhello")]),
        ("an attachment", "vc-request", [(TEXT, REQUEST), ("text/plain", "hello")]),
        ("a web page", "vc-request", [("text/html", REQUEST)]),
        ("a later step", "vc-auth-required", [(TEXT, "secure-join: vc-auth-required")]),
        ("no header", "", [(TEXT, REQUEST)]),
    ],
)
def test_anything_else_is_refused(
    what: str, step: str, parts: list[tuple[str, str]], alice: Person, bob: Person
) -> None:
    """Additional text, parts or fields are refused."""
    headers = {"Secure-Join": step}
    message = messages.multipart(alice.address, [bob.address], "mixed", parts, headers)

    assert alice.submits(message, bob).code == 523, what
