"""Mail to a domain that accepts no mail bounces at once, not after days."""

from __future__ import annotations

import pytest
from chatmail_testkit.people.person import Person

WITHIN_S = 20


@pytest.mark.parametrize(
    ("domain", "status", "why"),
    [
        ("gone.test", b"5.4.4", b"Host not found"),
        ("no-mail.test", b"5.1.0", b"does not accept mail (nullMX)"),  # RFC 7505
    ],
)
def test_it_bounces(domain: str, status: bytes, why: bytes, alice: Person) -> None:
    """HTTPS finds no host; SMTP treats the DNS answer as final."""
    alice.sends(f"somebody1@{domain}")

    bounce = alice.receives(within_s=WITHIN_S)

    assert bounce.headers.get_content_type() == "multipart/report"
    assert b"Status: " + status in bounce.raw
    assert why in b" ".join(bounce.raw.split())
