"""The web server of a relay on loopback: nginx as described, the pages, and chatmail-accounts.

It has no TLS. Files and sockets are below one directory, on free ports.
"""

from __future__ import annotations

import json
import os
import pwd
import random
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chatmail_www.settings import Settings
from chatmail_www.site import build_site, write_site

from webtest.waiting import DEADLINE_S, until

CHECKOUT = Path(__file__).resolve().parents[4]
DESCRIBE = Path(__file__).with_name("describe.nix")
# below those that the kernel gives to connections (net.ipv4.ip_local_port_range)
PORTS = range(20_000, 32_000)
# directories of the description -> their place below the test's directory
MOVED = {"/run/": "run/", "/var/lib/chatmail": "state", "/etc/chatmail-nocreate": "nocreate"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A web server at `url`; `directory` has all of its files."""

    url: str
    directory: Path
    settings: Mapping[str, Any]

    def close_registration(self) -> None:
        """Stop the creation of accounts."""
        (self.directory / "nocreate").touch()

    def open_registration(self) -> None:
        """Allow the creation of accounts again."""
        (self.directory / "nocreate").unlink()

    def new_address(self) -> tuple[str, str]:
        """Create an account with `/new` and log in: address and password."""
        with urllib.request.urlopen(
            urllib.request.Request(f"{self.url}/new", method="POST"), timeout=DEADLINE_S
        ) as answer:
            given = json.load(answer)
        assert self.logs_in(given["email"], given["password"])
        return given["email"], given["password"]

    def exists(self, address: str) -> bool:
        """Whether the address has a mailbox."""
        return (self.directory / "state" / "mail" / address / "password").exists()

    def logs_in(self, address: str, password: str) -> bool:
        """Log in as Dovecot does (RFC 6749 section 4.3)."""
        form = {"grant_type": "password", "username": address, "password": password}
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.settings['ports']['login']}/login",
            urllib.parse.urlencode(form).encode(),
            timeout=DEADLINE_S,
        ) as answer:
            return bool(json.load(answer).get("active"))


@contextmanager
def running_relay(directory: Path, values: Mapping[str, Any]) -> Iterator[Relay]:
    """A relay with these values of services.chatmail, until the end of the block."""
    www = directory / "www"
    described = describe(values, www)
    port, login = free_port(), free_port()
    described = json.loads(moved(json.dumps(described), directory))
    described["settings"]["ports"]["login"] = login
    described["settings"]["users"]["dovecot"] = pwd.getpwuid(os.getuid()).pw_name
    for name in ("state/mail", "state/accounts", "temporary"):
        (directory / name).mkdir(parents=True)
    for path in described["settings"]["sockets"].values():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
    (directory / "settings.json").write_text(json.dumps(described["settings"]))
    write_site(build_site(Settings.from_json(described["pages"])), www)
    (directory / "nginx.conf").write_text(nginx_conf(described, directory, port))
    relay = Relay(
        url=f"http://127.0.0.1:{port}", directory=directory, settings=described["settings"]
    )
    with ExitStack() as stack:
        stack.enter_context(running(directory, "accounts", accounts_command(directory)))
        stack.enter_context(running(directory, "nginx", nginx_command(directory)))
        until(lambda: answers(f"{relay.url}/en/"), f"nginx in {directory}")
        until(lambda: is_listening(login), f"the accounts service in {directory}")
        yield relay


def describe(values: Mapping[str, Any], www: Path) -> dict[str, Any]:
    """The description of a relay, evaluated by nix."""
    arguments = ["--argstr", "values", json.dumps(values), "--argstr", "www", str(www)]
    done = subprocess.run(
        ["nix-instantiate", "--eval", "--strict", "--json", str(DESCRIBE), *arguments],
        capture_output=True,
        check=False,
        text=True,
        timeout=DEADLINE_S,
        env=os.environ | {"NIX_REMOTE": "dummy://"},
    )
    if done.returncode:
        raise RuntimeError(f"the description does not evaluate:\n{done.stderr}")
    described: dict[str, Any] = json.loads(done.stdout)
    return described


def moved(text: str, directory: Path) -> str:
    """The text with the description's paths below `directory`."""
    for path, name in MOVED.items():
        text = text.replace(path, f"{directory}/{name}")
    return text


def nginx_conf(described: Mapping[str, Any], directory: Path, port: int) -> str:
    """nginx.conf with the locations of the description."""
    names = {"proxyPass": "proxy_pass", "tryFiles": "try_files"}
    names |= {"root": "root", "alias": "alias", "return": "return"}
    locations = []
    for path, location in described["locations"].items():
        lines = [f"{names[key]} {value};" for key, value in location.items() if key in names]
        locations += [f"location {path} {{", *lines, location.get("extraConfig", ""), "}"]
    temporary = directory / "temporary"
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    lines = [
        "daemon off;",
        f"pid {directory}/nginx.pid;",
        "error_log stderr;",
        *(["user root;"] if os.geteuid() == 0 else []),
        "events { }",
        "http {",
        "include /etc/nginx/mime.types;",
        "default_type application/octet-stream;",
        "access_log off;",
        "server_tokens off;",
        *(f"{kind}_temp_path {temporary}/{kind};" for kind in kinds),
        "map $http_upgrade $connection_upgrade { default upgrade; '' close; }",
        described["httpConfig"],
        f"server {{ listen 127.0.0.1:{port};",
        *locations,
        "} }",
    ]
    return "\n".join(lines) + "\n"


def nginx_command(directory: Path) -> list[str]:
    """The command that starts nginx."""
    config = str(directory / "nginx.conf")
    return ["/usr/sbin/nginx", "-e", "stderr", "-p", str(directory), "-c", config]


def accounts_command(directory: Path) -> list[str]:
    """The command that starts chatmail-accounts of the checkout."""
    code = "from chatmaild.cli import main; main()"
    return [sys.executable, "-c", code, "--settings", f"{directory}/settings.json", "accounts"]


@contextmanager
def running(directory: Path, name: str, command: list[str]) -> Iterator[None]:
    """Run a program until the end of the block; its output is in NAME.log."""
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT / "pkgs" / "chatmaild" / "src")}
    with (directory / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            yield
        except TimeoutError:
            print((directory / f"{name}.log").read_text())
            raise
        finally:
            process.terminate()
            process.wait(DEADLINE_S)


def free_port() -> int:
    """A TCP port of loopback that is free, and that no connection of another test gets."""
    while True:
        port = random.choice(PORTS)
        if not is_listening(port):
            return port


def is_listening(port: int) -> bool:
    """Whether a port of loopback has a listener."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url: str) -> bool:
    """Whether a GET succeeds."""
    try:
        with urllib.request.urlopen(url, timeout=DEADLINE_S):
            return True
    except OSError:
        return False
