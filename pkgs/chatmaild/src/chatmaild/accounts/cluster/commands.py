"""Run a command of the operator on a store, for a front (`POST /command`).

The command is a process of its own with the rights of the service: it changes accounts, invites and
the switch for new addresses, and nothing else.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from typing import Final

from chatmaild.wire.http1 import Request, Response, json_response

DEADLINE_S: Final = 100.0
# a shell or a path cannot be given: these are names of our own commands
ALLOWED: Final = frozenset(
    [
        *(
            ("address", name)
            for name in ("create", "delete", "disable", "enable", "list", "passwd", "show")
        ),
        *(("invite", name) for name in ("create", "list", "revoke")),
        *(("registration", name) for name in ("close", "open", "status")),
        ("rebalance",),
        ("status",),
    ]
)
_PROGRAM: Final = "from chatmaild.operator.cli import main; main()"


async def answer(request: Request) -> Response:
    """Return {"code", "out", "err"} of a command, or 400 for one that fronts may not run."""
    try:
        content = json.loads(request.body)
        arguments, stdin = content["arguments"], content["stdin"]
        texts = all(isinstance(text, str) for text in (*arguments, stdin))
    except (ValueError, KeyError, TypeError):
        return json_response({}, 400)
    if not texts or not is_allowed(arguments):
        return json_response({}, 400)
    code, out, err = await _run(arguments, stdin)
    return json_response({"code": code, "out": out, "err": err})


def is_allowed(arguments: Sequence[str]) -> bool:
    """Whether a front may run `chatmail ARGUMENTS` here."""
    return tuple(arguments[:2]) in ALLOWED or tuple(arguments[:1]) in ALLOWED


async def _run(arguments: Sequence[str], stdin: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-c", _PROGRAM, *arguments),
        env={
            **os.environ,
            # a program that Nix wrapped knows its packages, and the interpreter alone does not
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            out, err = await process.communicate(stdin.encode())
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return 1, "", f"it took more than {DEADLINE_S:.0f} s\n"
    return process.returncode or 0, out.decode("utf-8", "replace"), err.decode("utf-8", "replace")
