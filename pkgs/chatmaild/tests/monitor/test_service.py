"""The collector with services that are real, and with some that are not there."""

import asyncio
import json
import socket
import urllib.request
from contextlib import AsyncExitStack
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from chatmaild.metrics import dump
from chatmaild.metrics.mail import Tally
from chatmaild.monitor.service import set_up
from chatmaild.settings import Settings
from chatmaild.transport.service import set_up as set_up_transport
from chatmaild.wire.listening import listen_unix

from ..waiting import DEADLINE_S


def test_one_page_for_all_services(settings_json: dict[str, Any]) -> None:
    """Those that do not answer are down; no name comes twice."""
    ports = settings_json["ports"]
    for name in ("transportSmtp", "mxdelivSmtp"):
        ports[name] = _free_port()
    settings_json["monitoring"]["metrics"]["port"] = _free_port()
    settings = Settings.from_json(json.loads(json.dumps(settings_json)))
    tally = Tally()
    tally.accepted("submission", b"<1@example.org>", signed=True)
    dump.serve_in_thread(listen_unix(settings.sockets.filter_metrics), tally.dump)
    port = settings.monitoring.metrics.port

    async def scenario() -> str:
        async with AsyncExitStack() as stack:
            await set_up_transport(settings, stack)
            await set_up(settings, stack)
            return await asyncio.to_thread(_get, port)

    text = asyncio.run(scenario())
    families = list(text_string_to_metric_families(text))
    names = [family.name for family in families]
    up = {
        sample.labels["source"]: sample.value
        for family in families
        for sample in family.samples
        if family.name == "chatmail_source_up"
    }

    assert len(names) == len(set(names))
    assert {name: up[name] for name in ("accounts", "filter", "transport")} == {
        "accounts": 0,
        "filter": 1,
        "transport": 1,
    }
    assert 'chatmail_messages_accepted_total{ingress="submission"} 1' in text
    assert "chatmail_build_info{version=" in text


def _get(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_S) as answer:
        return str(answer.read().decode())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])
