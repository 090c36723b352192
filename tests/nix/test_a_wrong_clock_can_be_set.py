"""A resolver whose clock is days behind finds the time servers, and believes nobody else.

modules/chatmail-nixos/clock.nix names these; the flake's check `options` sees that it does.
"""

import contextlib
import datetime
import os
import pathlib
import re
import signal
import socket
import time
from collections.abc import Iterator

import dns.message
import dns.query
import dns.rcode
import pytest
from chatmail_lab.image.chroot import path_in_image
from nixtest.relay import CHECKOUT, InRoot, Relay
from nixtest.signed import signed_zone

DEADLINE_S = 10
NOW = datetime.datetime.now(datetime.UTC)
CLOCKS = {"right": NOW, "three days behind": NOW - datetime.timedelta(days=3)}
NOERROR, SERVFAIL = dns.rcode.NOERROR, dns.rcode.SERVFAIL


@pytest.fixture
def resolver(tmp_path: pathlib.Path) -> Iterator[int]:
    """A port for unbound, which ends with the test."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    yield port
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)


@pytest.mark.parametrize(
    ("clock", "name", "expected"),
    [
        ("right", "www.test", NOERROR),
        ("right", "time.test", NOERROR),
        ("three days behind", "www.test", SERVFAIL),
        ("three days behind", "time.test", NOERROR),
    ],
)
def test_what_is_resolved(
    in_root: InRoot,
    tmp_path: pathlib.Path,
    resolver: int,
    clock: str,
    name: str,
    expected: dns.rcode.Rcode,
) -> None:
    """Validation goes by unbound's own clock, which the test sets."""
    with signed_zone(since=NOW - datetime.timedelta(hours=1)) as (server, key):
        file = tmp_path / "unbound.conf"
        file.write_text(_configuration(tmp_path, resolver, server, key, CLOCKS[clock]))
        in_root("unbound", "-c", path_in_image(file))

        assert _asked(name, resolver) == expected


def test_the_relay_validates(default: Relay) -> None:
    """Which is why the clock matters: nothing of ours takes the validator away."""
    text = (CHECKOUT / "modules/chatmail/unbound.nix").read_text()

    assert default.config["services"]["unbound"]["enable"]
    assert re.search("module-config|val-permissive|trust-anchor", text) is None


def _configuration(
    folder: pathlib.Path, port: int, server: int, key: str, clock: datetime.datetime
) -> str:
    return f"""
server:
  interface: 127.0.0.1@{port}
  directory: ""
  chroot: ""
  username: ""
  use-syslog: no
  logfile: ""
  pidfile: "{path_in_image(folder)}/pid"
  do-not-query-localhost: no
  local-zone: "test." nodefault
  trust-anchor: "{key}"
  val-override-date: "{clock:%Y%m%d%H%M%S}"
  domain-insecure: time.test
stub-zone:
  name: "test."
  stub-addr: 127.0.0.1@{server}
"""


def _asked(name: str, port: int) -> dns.rcode.Rcode:
    query = dns.message.make_query(name, "A")
    deadline_s = time.monotonic() + DEADLINE_S
    while True:
        with contextlib.suppress(OSError, dns.exception.Timeout):
            return dns.query.udp(query, "127.0.0.1", timeout=2, port=port).rcode()
        assert time.monotonic() < deadline_s, "the resolver does not answer"
