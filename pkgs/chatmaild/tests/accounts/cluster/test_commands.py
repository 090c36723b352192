"""A front runs commands of the operator on a store, and no others."""

import asyncio
import json

import pytest

from chatmaild.accounts.cluster import commands
from chatmaild.wire.http1 import Head, Request


def _request(content: object) -> Request:
    body = json.dumps(content).encode()
    head = Head(
        method="POST",
        path="/command",
        query="",
        fields=(),
        content_length=len(body),
        keep_alive=True,
    )
    return Request(head=head, body=body)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["backup", "restore"],
        ["address", "export", "/tmp/all"],
        ["--settings", "/tmp/mine", "status"],
        ["log-mail"],
        "status",
        [1],
    ],
)
def test_other_commands_are_refused(arguments: object) -> None:
    """Commands that read or write files, or restart services, are for the machine's operator."""
    answer = asyncio.run(commands.answer(_request({"arguments": arguments, "stdin": ""})))

    assert answer.status == 400


def test_a_command_runs() -> None:
    """Without settings of a relay, it says so as on the terminal."""
    answer = asyncio.run(commands.answer(_request({"arguments": ["status"], "stdin": ""})))

    done = json.loads(answer.body)
    assert done["code"] == 78
    assert done["out"] == ""
    assert "/etc/chatmail/settings.json" in done["err"]


def test_a_usage_error_is_the_commands_own() -> None:
    """Exit code 2, as everywhere."""
    answer = asyncio.run(
        commands.answer(_request({"arguments": ["address", "list", "--nonsense"], "stdin": ""}))
    )

    assert json.loads(answer.body)["code"] in (2, 78)
