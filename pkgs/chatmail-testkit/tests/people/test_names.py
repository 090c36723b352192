"""Names and passwords satisfy every relay's rules."""

from __future__ import annotations

from chatmail_testkit.people.names import new_accounts, new_name, new_password


def test_lengths() -> None:
    """As Delta Chat invents them."""
    assert (len(new_name()), len(new_password())) == (9, 22)
    assert new_name().isalnum()


def test_accounts_differ() -> None:
    """Their host is their domain."""
    accounts = new_accounts("a.test", 20)

    assert len({account.address for account in accounts}) == 20
    assert {account.host for account in accounts} == {"a.test"}
