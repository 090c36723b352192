"""unbound with a clock that is days behind resolves time servers, and no other signed name.

modules/chatmail-nixos/clock.nix lists the time servers; the flake's check `options` tests that.
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
from nixtest.checkout import CHECKOUT
from nixtest.relay import InRoot, Relay
from nixtest.signed import signed_zone

DEADLINE_S = 60
NOW = datetime.datetime.now(datetime.UTC)
CLOCKS = {"right": NOW, "three days behind": NOW - datetime.timedelta(days=3)}
NOERROR, SERVFAIL = dns.rcode.NOERROR, dns.rcode.SERVFAIL


@pytest.fixture
def resolver(tmp_path: pathlib.Path) -> Iterator[int]:
    """A free port for unbound; unbound is stopped after the test."""
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
def test_time_servers_resolve_with_any_clock(
    in_root: InRoot,
    tmp_path: pathlib.Path,
    resolver: int,
    clock: str,
    name: str,
    expected: dns.rcode.Rcode,
) -> None:
    """The test sets the clock that unbound validates with (`val-override-date`)."""
    with signed_zone(since=NOW - datetime.timedelta(hours=1)) as (server, key):
        file = tmp_path / "unbound.conf"
        file.write_text(_configuration(tmp_path, resolver, server, key, CLOCKS[clock]))
        in_root("unbound", "-c", path_in_image(file))

        assert _reply_code(name, resolver) == expected


def test_the_relay_validates_dnssec(default: Relay) -> None:
    """No setting of ours disables DNSSEC; without it the clock would not matter."""
    text = (CHECKOUT / "modules/chatmail/network/unbound.nix").read_text()

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


def _reply_code(name: str, port: int) -> dns.rcode.Rcode:
    query = dns.message.make_query(name, "A")
    deadline_s = time.monotonic() + DEADLINE_S
    while True:
        with contextlib.suppress(OSError, dns.exception.Timeout):
            return dns.query.udp(query, "127.0.0.1", timeout=2, port=port).rcode()
        assert time.monotonic() < deadline_s, f"no answer of unbound in {DEADLINE_S} s"
