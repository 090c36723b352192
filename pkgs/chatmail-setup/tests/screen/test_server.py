"""The server of the page."""

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from chatmail_setup.screen.server import is_local, make_server


@pytest.fixture
def url() -> Iterator[str]:
    server = make_server(0, lambda: "hello")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_page_is_served_over_ipv4_and_ipv6(url: str) -> None:
    """Any other path is a 404."""
    for host in ("127.0.0.1", "[::1]"):
        with urllib.request.urlopen(url.replace("127.0.0.1", host), timeout=50) as answer:
            assert answer.read() == b"hello"
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        urllib.request.urlopen(f"{url}/etc/passwd", timeout=50)
    refused.value.close()


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("192.168.1.7", True),
        ("::ffff:192.168.1.7", True),
        ("fe80::1%eth0", True),
        ("fd00::1", True),
        ("8.8.8.8", False),
        ("::ffff:8.8.8.8", False),
        ("2a01:4f8::1", False),
    ],
)
def test_only_the_local_network_is_answered(address: str, local: bool) -> None:
    """The page is not for the Internet."""
    assert is_local(address) == local
