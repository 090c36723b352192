"""Listening, draining, and a process that starts, reports readiness, and stops on SIGTERM."""

import asyncio
import json
import os
import pathlib
import pwd
import signal
import socket
import subprocess
from typing import Any

import pytest

from chatmaild import logs
from chatmaild.address import parse_address
from chatmaild.wire import serve

from ..children import chatmaild, environment, finished, output, stacks
from ..waiting import DEADLINE_S


def wait_until_ready(child: "subprocess.Popen[bytes]", systemd: socket.socket) -> None:
    """Read a service's messages to systemd until it is ready."""
    systemd.settimeout(DEADLINE_S)
    try:
        while systemd.recv(1000) != b"READY=1":
            pass
    except TimeoutError:
        raise AssertionError(f"not ready:\n{stacks(child)}") from None


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while line := await reader.readline():
        if line == b"fail\n":
            raise RuntimeError("alice@chat.example.org has a problem")
        writer.write(line)
        await writer.drain()


def test_a_stale_socket_is_replaced_and_has_its_mode(tmp_path: pathlib.Path) -> None:
    """A crash leaves the file; the next start takes its place."""
    path = tmp_path / "s"
    serve.listen_unix(path).close()

    listener = serve.listen_unix(path, mode=0o660)

    assert path.stat().st_mode & 0o777 == 0o660
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
    listener.close()


def test_replies_do_not_wait_for_acknowledgements() -> None:
    """Two short replies in a row to a pipelining client took 41 ms with Nagle's algorithm."""
    with serve.listen_tcp("127.0.0.1", 0) as listener:
        client = socket.create_connection(listener.getsockname())
        listener.setblocking(True)
        accepted, _ = listener.accept()
        with client, accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_an_error_closes_one_connection_and_logs_no_address(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Class and place are logged, the text is not; others go on."""

    async def scenario() -> None:
        async with serve.streams(serve.listen_unix(tmp_path / "s"), _echo):
            good = await asyncio.open_unix_connection(str(tmp_path / "s"))
            bad = await asyncio.open_unix_connection(str(tmp_path / "s"))
            bad[1].write(b"fail\n")
            assert await bad[0].read() == b""
            good[1].write(b"hello\n")
            assert await good[0].readline() == b"hello\n"
            for _, writer in (good, bad):
                writer.close()

    asyncio.run(scenario())
    assert "RuntimeError at test_serve.py:" in caplog.text
    assert "alice" not in caplog.text


def test_idle_connections_do_not_delay_the_end(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Postfix keeps its connections open; a restart must not wait for them."""
    monkeypatch.setattr(serve, "DRAIN_S", 2 * DEADLINE_S)

    async def scenario() -> None:
        async with (
            asyncio.timeout(DEADLINE_S),
            serve.streams(serve.listen_unix(tmp_path / "s"), _echo),
        ):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s"))
            writer.write(b"hello\n")
            await reader.readline()
        writer.close()

    asyncio.run(scenario())


def test_many_clients_at_once(tmp_path: pathlib.Path) -> None:
    """A queue shorter than this would refuse clients of a unix socket outright."""

    async def scenario() -> int:
        async with serve.streams(serve.listen_unix(tmp_path / "s"), _echo):
            clients = [socket.socket(socket.AF_UNIX) for _ in range(500)]
            for client in clients:
                client.setblocking(False)
                client.connect(str(tmp_path / "s"))
            for client in clients:
                client.close()
            return len(clients)

    assert asyncio.run(scenario()) == 500


def test_the_process_says_ready_and_stops_on_sigterm(
    tmp_path: pathlib.Path, settings_json: dict[str, Any]
) -> None:
    """Type=notify, exit code 0, and sockets that answer meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings_json["ports"]["login"] = other.getsockname()[1]
    settings_json["users"]["dovecot"] = pwd.getpwuid(os.getuid()).pw_name
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        child = subprocess.Popen(
            chatmaild(file, "accounts"),
            env=environment(NOTIFY_SOCKET=str(tmp_path / "notify")),
            stderr=subprocess.PIPE,
        )
        wait_until_ready(child, systemd)
        with socket.socket(socket.AF_UNIX) as postfix:
            postfix.connect(settings_json["sockets"]["recipients"])
            postfix.sendall(b"12:recipients x,")
            assert postfix.recv(100) == b"9:NOTFOUND ,"
            child.send_signal(signal.SIGTERM)
            _, errors = output(child)

    assert (child.returncode, errors) == (0, b"")


def test_a_port_that_is_taken_is_one_line(
    tmp_path: pathlib.Path, settings_json: dict[str, Any]
) -> None:
    """Exit code 1: systemd tries again."""
    file = tmp_path / "settings.json"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings_json["ports"]["login"] = taken.getsockname()[1]
        file.write_text(json.dumps(settings_json))
        child = finished(
            chatmaild(file, "accounts"), environment(), stderr=subprocess.PIPE, text=True
        )

    assert child.returncode == 1
    assert "in use" in child.stderr
    assert len(child.stderr.splitlines()) == 1


def test_log_lines_for_the_journal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A priority, one line, no time."""
    import logging

    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    root = logging.getLogger()
    before = root.handlers[:], root.level
    logs.set_up()
    try:
        logging.getLogger("chatmaild.x").warning("two\nlines")
        assert capsys.readouterr().err == "<4>chatmaild.x: two | lines\n"
    finally:
        root.handlers[:], root.level = before


def test_a_pseudonym_is_the_same_for_one_address_only() -> None:
    """And does not contain it."""
    one, other = parse_address("a@b"), parse_address("a@c")
    assert logs.pseudonym(one) == logs.pseudonym(one) != logs.pseudonym(other)
    assert len(logs.pseudonym(one)) == 8
