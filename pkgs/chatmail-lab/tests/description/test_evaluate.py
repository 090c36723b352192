"""The values that the lab gives to a relay."""

from chatmail_lab.description.evaluate import default_values


def test_relays_without_a_public_name_make_their_own_certificate() -> None:
    """The lab issues one to the others."""
    assert "tls" in default_values("a.test")
    assert "tls" not in default_values("_a.test")
    assert "tls" not in default_values("192.0.2.1")
