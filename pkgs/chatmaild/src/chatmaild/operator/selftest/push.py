"""The way of a push notification: delivery, event, queue, notification server."""

import re
import secrets
import time
import urllib.request

from chatmaild.operator.selftest.mailing import HOST
from chatmaild.operator.selftest.report import Check, failed, passed, warned
from chatmaild.settings import Settings

NAME = "push"
DEADLINE_S = 15.0
POLL_S = 0.05
_COUNTER = re.compile(r'^chatmail_notifications_total\{result="([^"]+)"\} (\d+)$', re.MULTILINE)


def invented_token() -> str:
    """A token of the form that Apple uses, of no phone: the server answers 410 to it."""
    return secrets.token_hex(32)


def counters(settings: Settings) -> dict[str, int]:
    """How many notifications ended how, as the accounts service counts them.

    Raises:
        OSError: the service does not answer.
    """
    url = f"http://{HOST}:{settings.ports.metrics}/metrics"
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
        return parse_counters(answer.read().decode())


def parse_counters(text: str) -> dict[str, int]:
    """The numbers in the text format of Prometheus."""
    return {result: int(count) for result, count in _COUNTER.findall(text)}


def check(settings: Settings, before: dict[str, int]) -> Check:
    """Wait until a notification was tried after `before` was counted."""
    deadline_s = time.monotonic() + DEADLINE_S
    while True:
        results = grown(before, counters(settings))
        if results or time.monotonic() > deadline_s:
            return judge(results)
        time.sleep(POLL_S)


def grown(before: dict[str, int], after: dict[str, int]) -> frozenset[str]:
    """The results that were counted since."""
    return frozenset(result for result, count in after.items() if count > before.get(result, 0))


def judge(results: frozenset[str]) -> Check:
    """Decide: any answer of the server will do, as nobody's phone was meant."""
    if not results:
        return failed(NAME, "a delivered message led to no notification")
    answers = results - {"unreachable", "given_up"}
    if not answers:
        return warned(NAME, "the notification server is out of reach; phones are told later")
    return passed(NAME, f"the notification server answered {', '.join(sorted(answers))}")
