"""services.unbound as unbound.conf."""

from chatmail_lab.render.unbound import unbound_conf


def test_unbound_repeats_keys_and_clauses() -> None:
    """`server:` comes first."""
    text = unbound_conf(
        {
            "forward-zone": [{"name": ".", "forward-addr": ["192.0.2.53", "2001:db8::35"]}],
            "server": {"prefetch": True, "interface": ["::1"], "trust-anchor-file": None},
        }
    )

    assert text.splitlines() == [
        "server:",
        "  interface: ::1",
        "  prefetch: yes",
        "forward-zone:",
        "  forward-addr: 192.0.2.53",
        "  forward-addr: 2001:db8::35",
        "  name: .",
    ]
