"""Commands of this machine, run in the lab's network with its DNS and certificate authority."""

import contextlib
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

from chatmail_lab.machine.namespaces import NamespaceKeeper
from chatmail_lab.network.authority import Certificate
from chatmail_lab.plan import Host

# These mounts cover the machine's own files for this command only. nsswitch.conf: a name service
# of the machine, such as systemd-resolved, would ask the Internet's name servers.
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


# for servers that tests run on the client; relays connect to them as client.test
CERTIFICATE = "certificate.pem"
KEY = "key.pem"


def write_files(directory: Path, *, server: Host, bundle: Path, certificate: Certificate) -> None:
    """Write the files that cover those of the machine, and the client's own certificate."""
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
    """Return variables that make TLS libraries trust the lab, and name the client's certificate."""
    bundle = str(directory / "bundle.pem")
    trust = {"SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle, "CURL_CA_BUNDLE": bundle}
    own = {"LAB_CERTIFICATE": str(directory / CERTIFICATE), "LAB_KEY": str(directory / KEY)}
    return trust | own


def command_line(keeper: NamespaceKeeper, directory: Path, command: Sequence[str]) -> list[str]:
    """Return the command line that runs `command` in the client's network namespace."""
    namespace = _network_namespace(keeper)
    variables = [f"{name}={value}" for name, value in environment(directory).items()]
    return [
        *("nsenter", f"--net={namespace}", "--"),
        *("unshare", "--mount", "--propagation=private", "--"),
        *("sh", "-ec", _SCRIPT, "client", str(directory), "env", *variables, *command),
    ]


def kill_commands(keeper: NamespaceKeeper) -> None:
    """Kill all commands in the client's network, except this process and its ancestors."""
    namespace = _network_namespace(keeper)
    if not namespace.exists():
        return
    inode = namespace.stat().st_ino
    spared = set(_ancestors(os.getpid()))
    for process in Path("/proc").glob("[0-9]*"):
        pid = int(process.name)
        with contextlib.suppress(OSError):
            if pid not in spared and (process / "ns/net").stat().st_ino == inode:
                os.kill(pid, signal.SIGKILL)


def _network_namespace(keeper: NamespaceKeeper) -> Path:
    return keeper.root / "run/netns/client"


def _ancestors(pid: int) -> Iterator[int]:
    """Yield a process, its parent, and so on."""
    while pid > 1:
        yield pid
        status = Path(f"/proc/{pid}/stat").read_text()
        pid = int(status.rpartition(")")[2].split()[1])
