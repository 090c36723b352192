"""A service that is killed while it sends notifications: the unsent ones are on disk."""

import asyncio
import contextlib
import json
import os
import pathlib
import pwd
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from chatmaild.accounts.push import sender as sender_module
from chatmaild.address import Address, parse_address
from chatmaild.store.mailboxes import Mailboxes

from ...children import chatmaild, environment, stacks
from ...waiting import until

NOW_S = time.time()


@pytest.fixture
def service_file(
    settings_json: dict[str, Any], server: Any, tmp_path: pathlib.Path
) -> tuple[pathlib.Path, int, pathlib.Path]:
    """Settings of a service that pushes to the test's server; its port and file for Dovecot."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings_json["ports"]["login"] = other.getsockname()[1]
    settings_json["users"]["dovecot"] = pwd.getpwuid(os.getuid()).pw_name
    settings_json["push"]["notifierUrl"] = server.url
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))
    deliveries = pathlib.Path(settings_json["sockets"]["deliveries"])
    return file, settings_json["ports"]["login"], deliveries


@contextlib.contextmanager
def _running(file: pathlib.Path, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A service that listens; a test that fails does not leave it behind."""
    command = chatmaild(file, "accounts")
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE) as child:
        try:
            until(lambda: _listens(port), "the service listens")
            yield child
        except BaseException:
            print(stacks(child))
            raise


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def _append(deliveries: pathlib.Path, address: Address) -> None:
    fields = {"user": str(address), "mail_from": "bob123456@chat.example.org"}
    line = json.dumps({"event": "mail_delivery_finished", "fields": fields}).encode() + b"\n"
    with deliveries.open("ab") as file:
        file.write(line)


def test_kill_nine_loses_nothing_and_doubles_at_most_one(
    server: Any,
    office: Any,
    service_file: tuple[pathlib.Path, int, pathlib.Path],
    mailboxes: Mailboxes,
) -> None:
    """The service is killed in the middle of forty notifications."""
    addresses = [parse_address(f"user{number:05}@chat.example.org") for number in range(40)]
    for address in addresses:
        mailboxes.create(address, "hash", now_s=NOW_S)
        office.tokens.add(address, f"openpgp:{address}", now_s=NOW_S)
    file, port, deliveries = service_file
    with _running(file, port) as child:
        for address in addresses:
            _append(deliveries, address)
        asyncio.run(office.until(lambda: len(server.tokens) >= 3))
        child.send_signal(signal.SIGKILL)
    with _running(file, port) as child:
        asyncio.run(office.until(lambda: len(set(server.tokens)) == len(addresses)))
        child.send_signal(signal.SIGTERM)

    assert max(server.tokens.count(token) for token in server.tokens) <= 2
    # attempts that the kill interrupted, at most one for each worker, and one delivery
    assert len(server.tokens) - len(set(server.tokens)) <= sender_module.FIRST_TRY_WORKERS + 1
