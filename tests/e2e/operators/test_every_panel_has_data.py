"""Every query of the dashboard returns data of a real Prometheus that reads a real relay."""

from __future__ import annotations

import contextlib
import http.server
import json
import math
import shutil
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.waiting import wait_for
from conftest import PersonFactory

PACKAGE: Final = Path(__file__).resolve().parents[3] / "pkgs" / "chatmail-monitoring"
REPORT: Final = "/run/chatmail-selftest/report.json"
WITHIN_S: Final = 90
# of Grafana
VARIABLES: Final = {"$__rate_interval": "1m", "$relay": ".*"}
# the machine that runs the lab may have no such controller (cgroups)
MAY_BE_EMPTY: Final = {"Memory"}

pytestmark = [
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
    pytest.mark.timeout(240),
]


@pytest.fixture
def page(machine: Machine) -> Iterator[int]:
    """The port of a server that fetches the relay's page anew for each request."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = machine.run("curl", "-sS", "--fail", "http://127.0.0.1:8700/metrics").encode()
            # Prometheus may end meanwhile
            with contextlib.suppress(ConnectionError):
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


@pytest.fixture
def prometheus(page: int, tmp_path: Path) -> Iterator[str]:
    """The URL of a Prometheus that reads the page each second, with our rules."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    scrape = {"job_name": "chatmail", "static_configs": [{"targets": [f"127.0.0.1:{page}"]}]}
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(PACKAGE / "alerts.json")],
        "scrape_configs": [scrape],
    }
    file = tmp_path / "prometheus.json"
    file.write_text(json.dumps(config))
    command = [
        *("prometheus", f"--config.file={file}", f"--storage.tsdb.path={tmp_path / 'data'}"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
    ]
    with subprocess.Popen(command) as process:
        yield f"http://127.0.0.1:{port}"
        process.terminate()


def test_panels_and_alerts(
    alice: Person, bob: Person, new_person: PersonFactory, prometheus: str, machine: Machine
) -> None:
    """After a minute of use; no rule has an error."""
    wait_for(lambda: _values(prometheus, "up == 1"), "the first scrape", within_s=WITHIN_S)
    machine.run("mkdir", "-p", str(Path(REPORT).parent))
    # in the background: it takes half a minute on a busy machine
    machine.run("systemd-run", "--collect", "chatmail", "selftest", "--report", REPORT)
    machine.run("systemctl", "start", "chatmail-count", "chatmail-expire", "chatmail-count-queue")
    guest = new_person("b.test")
    for _ in range(5):
        alice.sends(bob, guest)
        guest.sends(alice)
    bob.receives()
    alice.receives()

    wait_for(lambda: not _empty(prometheus), "data in every panel", within_s=WITHIN_S)
    assert _empty(prometheus) == []
    groups = _get(prometheus, "rules")["groups"]
    health = {rule["name"]: rule["health"] for group in groups for rule in group["rules"]}
    assert set(health.values()) == {"ok"}, health


def _panels() -> Iterator[tuple[str, str]]:
    for panel in json.loads((PACKAGE / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            query = target["expr"]
            for name, value in VARIABLES.items():
                query = query.replace(name, value)
            yield panel["title"], query


def _empty(prometheus: str) -> list[str]:
    """Queries without data."""
    return [
        f"{title}: {query}"
        for title, query in _panels()
        if title not in MAY_BE_EMPTY and not _values(prometheus, query)
    ]


def _values(prometheus: str, query: str) -> list[float]:
    """The numbers of a query; those of an empty histogram (NaN) are answers, too."""
    found = _get(prometheus, f"query?{urllib.parse.urlencode({'query': query})}")["result"]
    values = [float(series["value"][1]) for series in found]
    assert all(math.isnan(value) or value > -math.inf for value in values)
    return values


def _get(prometheus: str, path: str) -> Any:
    try:
        with urllib.request.urlopen(f"{prometheus}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]
    except OSError:  # it has not started yet
        return {"result": []}
