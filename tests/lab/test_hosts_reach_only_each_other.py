"""Network, DNS and trusted certificates inside a lab."""

import socket
import subprocess

import pytest
from chatmail_lab import Lab
from chatmail_testkit.waiting import ANSWER_S, PATIENCE_S

PATIENCE = str(PATIENCE_S)
CONNECT = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3])).close()
"""


def _client(lab: Lab, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        lab.command("client", command),
        capture_output=True,
        text=True,
        timeout=ANSWER_S,
        check=False,
    )


def test_the_client_trusts_the_relays_by_name(running: Lab) -> None:
    """A command of this machine resolves the lab's names and verifies its certificates."""
    fetch = (
        "import urllib.request; print(urllib.request.urlopen('https://a.test/robots.txt').status)"
    )
    done = _client(running, "python3", "-c", fetch)

    assert (done.stdout, done.stderr) == ("200\n", "")


@pytest.mark.parametrize("host", ["a.test", "c.test"])
def test_no_packet_leaves_the_lab(running: Lab, host: str) -> None:
    """A connection fails at once, by IP address and by name."""
    connected = running.relay(host)
    by_address = connected.exec(
        ["python3", "-c", CONNECT, "198.51.100.1", "443", PATIENCE], check=False
    )
    by_name = connected.exec(
        ["python3", "-c", CONNECT, "example.org", "443", PATIENCE], check=False
    )

    assert "No route to host" in by_address.stderr
    assert "gaierror" in by_name.stderr


def test_a_cut_host_is_unreachable_until_it_is_healed(running: Lab) -> None:
    """Packets are dropped without an error."""
    running.cut("a.test")
    while_cut = _client(running, "python3", "-c", CONNECT, "192.0.2.11", "25", "1.5")
    running.heal("a.test")
    healed = _client(running, "python3", "-c", CONNECT, "192.0.2.11", "25", PATIENCE)

    assert "timed out" in while_cut.stderr
    assert (healed.returncode, healed.stderr) == (0, "")


def test_two_labs_do_not_meet(running: Lab, lab: Lab) -> None:
    """They have the same IP addresses and different files; a full disk is full in one lab only."""
    lab.start(["a.test"], disk="64M")
    second = lab.relay("a.test")
    filled = second.exec(["sh", "-c", "head -c 100M /dev/zero > /var/full"], check=False)
    second.exec(["rm", "/var/full"])
    second.write_file("/etc/mark", "second")

    assert running.relay("a.test").ipv4 == second.ipv4
    assert "No space left on device" in filled.stderr
    assert second.read_file("/etc/mark") == "second"
    assert running.relay("a.test").exec(["test", "-e", "/etc/mark"], check=False).returncode != 0


def test_the_machine_cannot_connect_to_the_hosts() -> None:
    """The lab has its own network namespaces."""
    with pytest.raises(OSError, match=r"timed out|unreachable|refused|No route"):
        socket.create_connection(("192.0.2.11", 25), timeout=1)


def test_the_zone_contains_what_operators_must_publish(running: Lab) -> None:
    """`chatmail dns --check` on the relay finds no missing record."""
    done = running.relay("a.test").exec(["chatmail", "dns", "--check"], check=False)

    assert done.returncode == 0, done.stdout + done.stderr
