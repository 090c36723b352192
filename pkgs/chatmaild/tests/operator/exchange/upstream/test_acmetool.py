"""Names in acmetool's store."""

import base64

import pytest

from chatmaild.operator.exchange.upstream.acmetool import key_id, server_name, server_of


@pytest.mark.parametrize(
    ("server", "name"),
    [
        # as Debian's acmetool 0.2.2 writes them
        (
            "https://acme-v02.api.letsencrypt.org/directory",
            "acme-v02.api.letsencrypt.org%2fdirectory",
        ),
        ("https://localhost:14000/dir", "localhost%3a14000%2fdir"),
        # the examples of its specification
        ("https://example.com/", "example.com"),
        ("http://example.com/directory", "http:example.com%2fdirectory"),
        ("https://ca.example/a?b=c&d=%7e", "ca.example%2fa%3fb%3dc%26d%3d%257e"),
    ],
)
def test_the_name_of_a_server(server: str, name: str) -> None:
    """Both ways."""
    assert server_name(server) == name
    assert server_of(name) == server


def test_the_name_of_a_key() -> None:
    """acmetool gave this name to this key."""
    public = base64.b64decode(
        "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeL8rBDgYqS/Gcgr0Y58fapJS+yf/7b89A9BnKxIj0Mo7YMg8N2oD70gVILse9ZvL+OvyWbnSZEZDLO0twAzDBA=="
    )

    assert key_id(public) == "sjevlm3hblagwvdrzt7xhz5c2q6zyr434xo3n3kgv64yx3uaic6q"
