"""The alert rules, evaluated by a real Prometheus that reads a page of metrics."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

RULES: Final = Path(__file__).resolve().parents[3] / "pkgs" / "chatmail-monitoring" / "alerts.json"
EVERY: Final = "250ms"


class Alerts:
    """A Prometheus that reads `page` four times a second."""

    def __init__(self) -> None:
        self.page = ""
        self._url = ""
        groups = json.loads(RULES.read_text())["groups"]
        self._rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}

    def fires(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether the expression of an alert is true for a series with these labels."""
        wanted = labels.items()
        return any(wanted <= found.items() for found in self.series(self._rules[name]["expr"]))

    def firing(self) -> set[str]:
        """The alerts whose expression is true for any series."""
        return {name for name, rule in self._rules.items() if self.series(rule["expr"])}

    def series(self, query: str) -> list[dict[str, str]]:
        """The labels of the series that a query finds."""
        url = f"{self._url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except OSError:  # it has not started yet
            return []
        return [series["metric"] for series in found]

    @contextlib.contextmanager
    def running(self, directory: Path) -> Iterator[None]:
        """Run the server of the page, and Prometheus."""
        alerts = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with contextlib.suppress(ConnectionError):
                    self.send_response(200)
                    self.send_header("Content-Type", "text/plain; version=0.0.4")
                    self.end_headers()
                    self.wfile.write(alerts.page.encode())

            def log_message(self, *_: object) -> None:
                pass

        with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with self._prometheus(directory, int(server.server_address[1])):
                yield
            server.shutdown()

    @contextlib.contextmanager
    def _prometheus(self, directory: Path, page: int) -> Iterator[None]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        scrape = {"job_name": "chatmail", "static_configs": [{"targets": [f"127.0.0.1:{page}"]}]}
        file = directory / "prometheus.json"
        config = {"global": {"scrape_interval": EVERY, "scrape_timeout": EVERY}}
        file.write_text(json.dumps(config | {"scrape_configs": [scrape]}))
        command = [
            *("prometheus", f"--config.file={file}", f"--storage.tsdb.path={directory / 'data'}"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
        ]
        with subprocess.Popen(command) as process:
            self._url = f"http://127.0.0.1:{port}"
            yield
            process.terminate()
