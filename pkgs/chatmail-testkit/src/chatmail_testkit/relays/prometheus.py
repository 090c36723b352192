"""A Prometheus that reads the metrics of one relay, with our alert rules."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chatmail_testkit.relays.target import Machine

# as the relay's own Prometheus names it
INSTANCE: Final = "127.0.0.1:8700"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prometheus:
    """One that runs, by its URL."""

    url: str

    def get(self, path: str, **parameters: str | float) -> Any:
        """Returns the data of an answer; nothing while Prometheus starts."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except OSError:
            return {"result": []}

    def values(self, query: str) -> list[float]:
        """Returns the numbers of a query; those of an empty histogram are NaN."""
        return [float(series["value"][1]) for series in self.get("query", query=query)["result"]]


def filled_in(expression: str, window: str) -> str:
    """Returns a query of the dashboard with Grafana's variables filled in."""
    return expression.replace("$__rate_interval", window).replace("$relay", ".*")


@contextlib.contextmanager
def watching(machine: Machine, rules: Path, folder: Path) -> Iterator[Prometheus]:
    """Runs a Prometheus that reads the relay's page each second; its data are in `folder`."""
    with _page(machine) as page, socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
        free.close()
        target = {"targets": [f"127.0.0.1:{page}"], "labels": {"instance": INSTANCE}}
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": "chatmail", "static_configs": [target]}],
        }
        file = folder / "prometheus.json"
        file.write_text(json.dumps(config))
        command = [
            *("prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'data'}"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
        ]
        with subprocess.Popen(command) as process:
            try:
                yield Prometheus(url=f"http://127.0.0.1:{port}")
            finally:
                process.terminate()


@contextlib.contextmanager
def _page(machine: Machine) -> Iterator[int]:
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
