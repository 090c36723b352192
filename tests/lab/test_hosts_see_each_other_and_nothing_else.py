"""Network, names and trust inside a lab."""

import socket
import subprocess

import pytest
from chatmail_lab import Lab

CONNECT = """
import socket, sys
socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=1.5).close()
"""


def _client(lab: Lab, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        lab.command("client", command), capture_output=True, text=True, timeout=30, check=False
    )


def test_the_client_trusts_the_relays_by_name(running: Lab) -> None:
    """Commands of this machine find the lab's names and check its certificates."""
    fetch = (
        "import urllib.request; print(urllib.request.urlopen('https://a.test/robots.txt').status)"
    )
    done = _client(running, "python3", "-c", fetch)

    assert (done.stdout, done.stderr) == ("200\n", "")


@pytest.mark.parametrize("host", ["a.test", "c.test"])
def test_there_is_no_way_out(running: Lab, host: str) -> None:
    """And hosts are told so at once, by address and by name."""
    guest = running.relay(host)
    by_address = guest.exec(["python3", "-c", CONNECT, "198.51.100.1", "443"], check=False)
    by_name = guest.exec(["python3", "-c", CONNECT, "example.org", "443"], check=False)

    assert "No route to host" in by_address.stderr
    assert "gaierror" in by_name.stderr


def test_a_host_that_is_cut_is_silent_until_it_is_healed(running: Lab) -> None:
    """Packets vanish; nobody is told."""
    running.cut("a.test")
    while_cut = _client(running, "python3", "-c", CONNECT, "192.0.2.11", "25")
    running.heal("a.test")
    healed = _client(running, "python3", "-c", CONNECT, "192.0.2.11", "25")

    assert "timed out" in while_cut.stderr
    assert (healed.returncode, healed.stderr) == (0, "")


def test_two_labs_do_not_meet(running: Lab, lab: Lab) -> None:
    """They have the same addresses, and other files; one with a limited disk fills only itself."""
    lab.start(["a.test"], disk="64M")
    second = lab.relay("a.test")
    filled = second.exec(["sh", "-c", "head -c 100M /dev/zero > /var/full"], check=False)
    second.exec(["rm", "/var/full"])
    second.write_file("/etc/mark", "second")

    assert running.relay("a.test").address == second.address
    assert "No space left on device" in filled.stderr
    assert second.read_file("/etc/mark") == "second"
    assert running.relay("a.test").exec(["test", "-e", "/etc/mark"], check=False).returncode != 0


def test_the_machine_itself_does_not_see_the_hosts() -> None:
    """The lab's network is in namespaces of its own."""
    with pytest.raises(OSError, match=r"timed out|unreachable|refused|No route"):
        socket.create_connection(("192.0.2.11", 25), timeout=1)


def test_records_are_those_that_the_operators_are_told_to_publish(running: Lab) -> None:
    """`chatmail dns --check` in the relay finds nothing missing."""
    done = running.relay("a.test").exec(["chatmail", "dns", "--check"], check=False)

    assert done.returncode == 0, done.stdout + done.stderr
