"""The operator's notice in the answer to a login."""

import json
from collections.abc import Callable
from typing import Any

from chatmaild.settings import Settings
from chatmaild.store.decisions.notice import file_of

ALICE = "alice1234@chat.example.org"


def test_it_comes_with_a_right_password(play: Callable[[Any], None], settings: Settings) -> None:
    """At once; a broken file changes no login."""

    async def scenario(relay: Any) -> None:
        answers = []
        for content in ('{"text": "Moved"}', "{"):
            file_of(settings).write_text(content)
            for password in ("secret-password", "wrong-password"):
                status, body = await relay.login(ALICE, password)
                found = json.loads(body)
                answers.append((status, found["active"], found["reason"]))

        assert answers == [
            (200, True, "Moved"),
            (200, False, ""),
            (200, True, ""),
            (200, False, ""),
        ]

    play(scenario)
