"""Which local user may connect to which listening socket: all of them are in this table.

A new listener fails the test until it is here with its clients, and with its reason where any user
of the machine may connect.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import pytest
from chatmail_testkit.relays import knock
from chatmail_testkit.relays.registration import SETTINGS
from chatmail_testkit.relays.target import Machine

# the settings of a machine's cluster, and what listens there
Found = tuple[dict[str, Any], dict[str, Any]]

KNOCK: Final = Path(knock.__file__).read_text()

# user, group and further groups of the processes of each service; `nobody' is any other process
IDENTITIES: Final[dict[str, tuple[str, str, list[str]]]] = {
    "nobody": ("nobody", "nogroup", []),
    "accounts": ("vmail", "vmail", []),
    # sessions and deliveries
    "imap": ("vmail", "vmail", ["dovecot2"]),
    "filter": ("chatmail-filter", "postfix", ["vmail"]),
    "transport": ("chatmail-transport", "chatmail-transport", []),
    "postfix": ("postfix", "postfix", []),
    "dovecot": ("dovecot2", "dovecot2", []),
    "imap-login": ("dovenull", "dovenull", []),
    "nginx": ("nginx", "nginx", ["chatmail-tls"]),
    "unbound": ("unbound", "unbound", []),
    "coturn": ("turnserver", "turnserver", []),
    "metrics": ("chatmail-metrics", "chatmail-metrics", []),
}
ALL: Final = frozenset(IDENTITIES)

# the first pattern that fits counts; a user can always reach the sockets that it owns
UNIX: Final[dict[str, frozenset[str] | set[str]]] = {
    # whether a mailbox of a cluster exists, for the filter
    "/run/chatmail/accounts-filter/*": {"filter", "accounts", "imap"},
    "/run/chatmail/accounts-nginx/*": {"nginx", "accounts", "imap"},
    # the filter has Postfix' group: whoever connects to the filter can have mail signed
    "/run/chatmail/accounts-postfix/*": {"postfix", "filter", "accounts", "imap"},
    "/run/chatmail/accounts-transport/*": {"transport", "accounts", "imap"},
    "/run/chatmail-accounts/metadata.sock": {"accounts", "imap"},
    "/run/chatmail-filter/milter.sock": {"postfix", "filter"},
    "/run/chatmail-filter/submission.sock": {"postfix", "filter"},
    "/run/chatmail/transport-nginx/*": {"nginx", "transport"},
    "/run/chatmail/transport-postfix/*": {"postfix", "filter", "transport"},
    "/run/chatmail/accounts-metrics/*": {"metrics", "accounts", "imap"},
    "/run/chatmail/filter-metrics/*": {"metrics", "filter"},
    "/run/chatmail/filter-transport/*": {"transport", "filter"},
    "/run/chatmail/transport-metrics/*": {"metrics", "transport"},
    "/run/nginx/https.sock": {"nginx"},
    "/run/nginx/no-protocol.sock": {"nginx"},
    "/run/nginx/submissions.sock": {"nginx"},
    "/run/dovecot2/end-sessions": {"accounts", "imap"},
    # which accounts have a session; one that moves to another store loses it
    "/run/dovecot2/list-sessions": {"accounts", "imap"},
    "/run/dovecot2/quota-clean": {"accounts", "imap"},
    "/run/dovecot2/auth-userdb": {"accounts", "imap"},
    "/run/dovecot2/quota-status": {"filter"},
    "/run/dovecot2/lmtp-direct": {"transport"},
    "/run/dovecot2/anvil": {"dovecot", "imap"},
    "/run/dovecot2/dict*": {"dovecot", "imap"},
    "/run/dovecot2/imap-hibernate": {"dovecot", "imap"},
    "/run/dovecot2/stats-writer": {"dovecot", "imap"},
    "/run/dovecot2/auth-master": set(),
    "/run/dovecot2/auth-*": {"dovecot"},
    "/run/dovecot2/imap-master": {"dovecot"},
    "/run/dovecot2/*-worker": {"dovecot"},
    # directories that only the login processes may enter
    "/run/dovecot2/login/*": {"imap-login"},
    "/run/dovecot2/token-login/*": {"imap-login"},
    "/run/dovecot2/srv.*": set(),
    "/run/dovecot2/config": {"accounts", "imap"},
    "/run/dovecot2/doveadm-messages": {"accounts", "imap"},
    "/run/dovecot2/doveadm-server": set(),
    "/run/dovecot2/log-errors": set(),
    "/run/dovecot2/master": set(),
    "/run/dovecot2/stats-reader": set(),
    "/var/lib/postfix/queue/*": {"postfix"},
    # a tunnel in a kernel without WireGuard: wireguard-go, for root
    "/var/run/wireguard/*": set(),
    # systemd's own, which decide by the user who asks
    "/run/systemd/io.systemd.sysext": set(),
    "/run/systemd/journal/io.systemd.journal": set(),
    "/run/systemd/private": set(),
    "/run/systemd/*": ALL,
    "/run/dbus/*": ALL,
}

TABLES: Final = {
    "all": UNIX,
    # Dovecot works for no mailbox
    "front": {**UNIX, "/run/dovecot2/config": set()},
    # the service of accounts asks for the filters of the fronts
    "store": {**UNIX, "/run/dovecot2/quota-status": {"accounts", "imap"}},
}

PUBLIC: Final = "the Internet comes here"
RESOLVER: Final = "every program resolves names"
# any local user can connect to a port, therefore each has a reason why that gives nothing away
TCP: Final = {
    **dict.fromkeys((25, 80, 143, 443, 465, 587, 993), PUBLIC),
    53: RESOLVER,
    **dict.fromkeys((8465, 8587, 8993), "nginx alone reaches it, where the kernel has nf_tables"),
    8994: "leads to port 993 with the address of the client, which is this machine",
    3340: "relays what its clients encrypt, and is open to the Internet by port 443",
    8701: "hears Dovecot's user alone",
    8700: "counters alone, which name nobody",
    10026: "takes mail from the client that knows the secret name",
    10083: "takes mail from Postfix' user",
}
UDP: Final = {53: RESOLVER, 3478: PUBLIC, 3479: PUBLIC}
# at the address in the tunnel alone, whose firewall names the clients
TUNNEL: Final = {
    24: "mail from Postfix of the fronts",
    143: "sessions of clients who logged in at a front",
    3340: "realtime channels that came to the other fronts",
    8702: "questions of the fronts and of operators",
    8703: "proofs for the issuer of certificates",
    8704: "accounts that move from another store",
}
WIREGUARD: Final = 51820
# the client speaks first
WEB: Final = (8700, 8701)
LOOPBACK: Final = ("127.0.0.1", "::1")
# ports of coturn for the media of calls (services.coturn.min-port, max-port)
RELAYED: Final = range(49152, 65536)
LOGIN: Final = b"username=mallory99@a.test&password=secret-password"


@pytest.fixture(scope="module")
def found(machine: Machine) -> Sequence[Found]:
    """What listens on each machine, and who can connect."""
    script = f"import io, sys\nsys.stdin = io.StringIO({json.dumps(json.dumps(IDENTITIES))})\n"
    return [
        (
            json.loads(member.run("cat", SETTINGS))["cluster"],
            json.loads(member.run("python3", "-c", script + KNOCK)),
        )
        for member in machine.members
    ]


def test_unix_sockets(found: Sequence[Found]) -> None:
    """Every socket has the clients of the table, and no others."""
    wrong = {}
    for cluster, listeners in found:
        table = TABLES[cluster["role"]]
        # a store has no nginx
        here = {identity for clients in listeners["unix"].values() for identity in clients}
        for path, reached in listeners["unix"].items():
            allowed = next((table[one] for one in table if fnmatchcase(path, one)), None)
            if allowed is None or set(reached) != allowed & here:
                wrong[path] = (sorted(reached), sorted(allowed) if allowed is not None else "new")

    assert wrong == {}


@pytest.mark.parametrize(("protocol", "table"), [("tcp", TCP), ("udp", UDP)])
def test_ports(protocol: str, table: dict[int, str], found: Sequence[Found]) -> None:
    """No port but these; what is not public listens on loopback, or in the tunnel of a cluster."""
    unknown, outside = [], []
    for cluster, listeners in found:
        has_public = cluster["role"] != "store"
        for host, port in _ends(protocol, listeners, cluster):
            if port not in table:
                unknown.append((host, port))
            elif host not in LOOPBACK and not (has_public and table[port] == PUBLIC):
                outside.append((host, port))

    assert (unknown, outside) == ([], [])


def _ends(
    protocol: str, listeners: dict[str, Any], cluster: dict[str, Any]
) -> Iterator[tuple[str, int]]:
    """Yield the hosts and ports that only a relay of one machine has, too."""
    for host, _, port in (end.partition(" ") for end in listeners[protocol]):
        is_tunnel = cluster["role"] != "all" and (
            (protocol == "tcp" and host == cluster["address"] and int(port) in TUNNEL)
            or (protocol == "udp" and int(port) == WIREGUARD)
        )
        # calls of other scenarios are relayed for ten minutes
        is_call = protocol == "udp" and int(port) in RELAYED
        if not is_tunnel and not is_call:
            yield host, int(port)


@pytest.mark.parametrize("port", [8465, 8587, 8993])
def test_nginx_alone_names_the_network_of_a_client(port: int, machine: Machine) -> None:
    """Limits for networks hold for local processes, too."""
    script = (
        "import os, pwd, socket, sys\n"
        "os.setgroups([]); os.setuid(pwd.getpwnam(sys.argv[1]).pw_uid)\n"
        f"print(socket.socket().connect_ex(('127.0.0.1', {port})))"
    )
    for front in machine.fronts:
        reached = {
            user: front.run("python3", "-c", script, user).strip() == "0"
            for user in ("nginx", "nobody", "vmail", "postfix", "root")
        }

        assert {user for user, is_let_in in reached.items() if is_let_in} == {"nginx"}


@pytest.mark.parametrize("user", ["nobody", "nginx", "vmail", "root"])
def test_the_gateway_to_other_relays_hears_postfix_alone(user: str, machine: Machine) -> None:
    """Mail would leave without the rules of the filter."""
    for front in machine.fronts:
        assert _says(front, user, 10083, b"EHLO x\r\n") == ""


def test_postfix_reaches_the_gateway(machine: Machine) -> None:
    """As its smtp client does."""
    for front in machine.fronts:
        said = _says(front, "postfix", 10083, b"EHLO x\r\nQUIT\r\n")

        assert said.startswith("220 ")
        assert said.endswith("221 2.0.0 Bye\r\n")


@pytest.mark.parametrize("first", [b"", b"XCLIENT ADDR=192.0.2.77\r\n"])
def test_the_ingress_for_https_knows_its_client(first: bytes, machine: Machine) -> None:
    """Nobody else is heard, and no IP address is invented."""
    dialogue = b"EHLO localhost\r\n" + first + b"EHLO a.test\r\nMAIL FROM:<x@a.test>\r\nQUIT\r\n"
    for front in machine.fronts:
        codes = [line[:3] for line in _says(front, "nobody", 10026, dialogue).splitlines()]

        assert "250" not in codes, codes
        assert codes.count("450") >= 1


def test_logins_and_deliveries_are_told_by_dovecot_alone(machine: Machine) -> None:
    """No account is made there, and no delivery told."""
    post = b"POST /%b HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    for member in machine.members:
        for path in (b"login", b"event"):
            request = post % (path, len(LOGIN)) + LOGIN

            assert _says(member, "nobody", 8700, request).startswith("HTTP/1.1 404 ")
        assert _says(member, "nobody", 8701, post % (b"login", len(LOGIN)) + LOGIN) == ""
    assert machine.run("ls", "/var/lib/chatmail/mail").find("mallory99") == -1


def _says(machine: Machine, user: str, port: int, dialogue: bytes) -> str:
    """What a port answers to a user: line by line, until it closes the connection."""
    script = (
        "import encodings.idna, os, pwd, socket, sys\n"
        f"os.setgroups([]); entry = pwd.getpwnam({user!r})\n"
        "os.setgid(entry.pw_gid); os.setuid(entry.pw_uid)\n"
        f"client = socket.create_connection(('127.0.0.1', {port}), 10)\n"
        f"{'' if port in WEB else 'sys.stdout.buffer.write(client.recv(4096))'}\n"
        "try:\n"
        f"    for line in {_steps(port, dialogue)!r}:\n"
        "        client.sendall(line)\n"
        "        data = client.recv(65536)\n"
        "        sys.stdout.buffer.write(data)\n"
        "        if not data: break\n"
        "except ConnectionError: pass\n"
    )
    return machine.run("python3", "-c", script)


def _steps(port: int, dialogue: bytes) -> list[bytes]:
    return [dialogue] if port in WEB else dialogue.splitlines(keepends=True)
