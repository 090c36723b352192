"""What Dovecot sends with a login."""

import pytest

from chatmaild.accounts.dovecot import remote_ip


@pytest.mark.parametrize(
    ("endpoint", "ip"),
    [
        ("192.0.2.1:993", "192.0.2.1"),
        ("[2001:db8::1]:993", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("", ""),
    ],
)
def test_the_ip_address_of_an_end_point(endpoint: str, ip: str) -> None:
    """As Dovecot writes it."""
    assert remote_ip(endpoint) == ip
