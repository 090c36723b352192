"""Commands of this machine, run as if it stood in the lab: its network, names and authority."""

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from chatmail_lab.authority import Certificate
from chatmail_lab.holder import Holder
from chatmail_lab.plan import Host

# Mounts over the machine's own files, seen by this command only. nsswitch.conf: a name service of
# the machine (such as systemd-resolved) would ask the outside world.
_SCRIPT = """
cover() {
  if [ -e "$2" ]; then mount --bind "$1" "$(readlink -f "$2")"; fi
}
cover "$1/resolv.conf" /etc/resolv.conf
cover "$1/nsswitch.conf" /etc/nsswitch.conf
cover "$1/hosts" /etc/hosts
cover "$1/bundle.pem" /etc/ssl/certs/ca-certificates.crt
shift
exec "$@"
"""


# for servers of its own, which the relays find by the client's name
CERTIFICATE = "certificate.pem"
KEY = "key.pem"


def write_files(directory: Path, *, server: Host, bundle: Path, certificate: Certificate) -> None:
    """Write what the command will see instead of the machine's own files, and its certificate."""
    directory.mkdir(parents=True, exist_ok=True)
    resolv = f"nameserver {server.ipv4}\noptions edns0 timeout:2\n"
    (directory / "resolv.conf").write_text(resolv)
    (directory / "nsswitch.conf").write_text(
        "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\n"
    )
    (directory / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (directory / "bundle.pem").write_bytes(bundle.read_bytes())
    (directory / CERTIFICATE).write_text(certificate.certificate)
    (directory / KEY).touch(mode=0o600)
    (directory / KEY).write_text(certificate.key)


def environment(directory: Path) -> dict[str, str]:
    """Variables that make TLS libraries trust the lab's authority, and name the client's files."""
    bundle = str(directory / "bundle.pem")
    trust = {"SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle, "CURL_CA_BUNDLE": bundle}
    own = {"LAB_CERTIFICATE": str(directory / CERTIFICATE), "LAB_KEY": str(directory / KEY)}
    return trust | own


def inside(holder: Holder, directory: Path, command: Sequence[str]) -> list[str]:
    """The command line that runs `command` in the client's network."""
    network = holder.view / "run/netns/client"
    variables = [f"{name}={value}" for name, value in environment(directory).items()]
    return [
        *("nsenter", f"--net={network}", "--", "unshare", "--mount", "--propagation=private", "--"),
        *("sh", "-ec", _SCRIPT, "client", str(directory), "env", *variables, *command),
    ]


def end_all(holder: Holder) -> None:
    """Kill what still runs in the client's network, except ourselves and those who started us."""
    network = holder.view / "run/netns/client"
    if not network.exists():
        return
    wanted = network.stat().st_ino
    spared = set(_ancestors(os.getpid()))
    for process in Path("/proc").glob("[0-9]*"):
        pid = int(process.name)
        with contextlib.suppress(OSError):
            if pid not in spared and (process / "ns/net").stat().st_ino == wanted:
                os.kill(pid, signal.SIGKILL)


def _ancestors(pid: int) -> Iterator[int]:
    """A process and those that it descends from."""
    while pid > 1:
        yield pid
        status = Path(f"/proc/{pid}/stat").read_text()
        pid = int(status.rpartition(")")[2].split()[1])
