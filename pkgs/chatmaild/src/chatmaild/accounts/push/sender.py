"""Sends notifications: first tries at once, retries after 8, 64, 512 and 4096 seconds.

Each device token has at most one notification, however many messages arrive: the phone fetches all
of them. A message that arrives before a retry restarts the notification; one that arrives during
an attempt sends it once more afterwards.
"""

import asyncio
import contextlib
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from chatmaild import logs
from chatmaild.address import Address
from chatmaild.metrics import Counters
from chatmaild.settings import Push
from chatmaild.store.notifications import DiskQueue, Pending, gives_up, levels, retry_delay_s
from chatmaild.store.tokens import Tokens
from chatmaild.wire import serve

if TYPE_CHECKING:
    import ssl

    from chatmaild.accounts.push.notifier import Notifier

_log = logging.getLogger(__name__)

FIRST_TRY_WORKERS: Final = 4
RETRY_WORKERS: Final = 2


class _Job:
    """A notification in memory."""

    __slots__ = ("again", "asked_s", "in_flight", "pending", "timer")

    def __init__(self, pending: Pending) -> None:
        self.pending = pending
        # of the oldest message that it tells of, on the monotonic clock; at a start, that of load
        self.asked_s = time.monotonic()
        self.in_flight = False
        # another message arrived during the attempt
        self.again = False
        self.timer: asyncio.TimerHandle | None = None


class Sender:
    """The queue in memory and its workers."""

    def __init__(self, push: Push, disk: DiskQueue, tokens: Tokens, counters: Counters) -> None:
        self._push = push
        self._disk = disk
        self._tokens = tokens
        self._counters = counters
        self._levels = levels(push.give_up_after_seconds)
        self._queues: list[asyncio.Queue[_Job]] = [asyncio.Queue() for _ in range(self._levels)]
        self._jobs: dict[tuple[Address, str], _Job] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._notifiers: list[Notifier] = []
        self._context: ssl.SSLContext | None = None
        self._threads = ThreadPoolExecutor(
            FIRST_TRY_WORKERS + RETRY_WORKERS * (self._levels - 1), thread_name_prefix="push"
        )

    def start(self) -> None:
        """Load what the last process left, and start the workers."""
        for pending in self._disk.load():
            self._enqueue(pending)
        for level in range(self._levels):
            for _ in range(RETRY_WORKERS if level else FIRST_TRY_WORKERS):
                self._workers.append(asyncio.create_task(self._work(level)))

    async def stop(self) -> None:
        """Stop at once: unsent notifications are on disk."""
        for worker in self._workers:
            worker.cancel()
        for notifier in self._notifiers:
            notifier.close()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def notify(self, address: Address) -> None:
        """Notify all devices of the address; return when the notifications are on disk.

        Raises:
            OSError: they could not be written.
        """
        now_s = time.time()
        for token in self._tokens.valid(address, now_s=now_s):
            job = self._jobs.get((address, token))
            if job is None:
                self._enqueue(self._disk.add(address, token, now_s=now_s))
            elif job.in_flight:
                job.again = True
            elif job.timer is not None:
                job.timer.cancel()
                job.timer = None
                self._again(job)

    def waiting(self) -> int:
        """Return how many notifications are not delivered yet."""
        return len(self._jobs)

    def measure(self) -> None:
        """Set the gauges: how many notifications wait, and since when."""
        oldest_s = min((job.pending.start_s for job in self._jobs.values()), default=None)
        age_s = 0.0 if oldest_s is None else max(0.0, time.time() - oldest_s)
        self._counters.set("notifications_waiting", len(self._jobs))
        self._counters.set("notifications_oldest_age_seconds", age_s)

    def _enqueue(self, pending: Pending) -> None:
        job = _Job(pending)
        self._jobs[pending.address, pending.token] = job
        self._queues[0].put_nowait(job)

    async def _work(self, level: int) -> None:
        notifier: Notifier | None = None
        while True:
            job = await self._queues[level].get()
            if gives_up(job.pending.start_s, time.time(), self._push.give_up_after_seconds):
                self._give_up(job)
                continue
            notifier = notifier or await self._connect()
            job.in_flight = True
            status = await self._post(notifier, job.pending.token)
            job.in_flight = False
            try:
                self._settle(job, level, status)
            except Exception as error:
                # such as a full disk: the other notifications continue
                serve.log_error("push queue", error)

    async def _connect(self) -> "Notifier":
        from chatmaild.accounts.push.notifier import Notifier

        if self._context is None:
            self._context = await asyncio.to_thread(_tls_context)
        notifier = Notifier(self._push.notifier_url, self._context)
        self._notifiers.append(notifier)
        return notifier

    async def _post(self, notifier: "Notifier", token: str) -> int | None:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, notifier.post, token)
        except Exception as error:
            # the class alone: the text may hold anything that a server sends
            _log.info("notification server not reached: %s", logs.kind_of(error))
            return None

    def _settle(self, job: _Job, level: int, status: int | None) -> None:
        """Finish the job after an attempt, or send it again, now or later."""
        self._counters.add("notifications", result=str(status or "unreachable"))
        pending = job.pending
        if status == 200:
            self._counters.observe("notification_seconds", time.monotonic() - job.asked_s)
        if status == 410:
            self._forget(job)
            self._tokens.remove(pending.address, pending.token, now_s=time.time())
        elif job.again:
            job.again = False
            job.asked_s = time.monotonic()
            self._again(job)
        elif status == 200:
            self._forget(job)
        else:
            self._retry(job, level + 1)

    def _retry(self, job: _Job, level: int) -> None:
        delay_s = retry_delay_s(level)
        run_s = time.time() + delay_s
        if level >= self._levels or gives_up(
            job.pending.start_s, run_s, self._push.give_up_after_seconds
        ):
            self._give_up(job)
            return
        job.timer = asyncio.get_running_loop().call_later(delay_s, self._due, job, level)

    def _due(self, job: _Job, level: int) -> None:
        job.timer = None
        self._queues[level].put_nowait(job)

    def _again(self, job: _Job) -> None:
        """Send the job at once for a newer message; the file on disk may stay the older one."""
        try:
            job.pending = self._disk.renew(job.pending, now_s=time.time())
        except OSError as error:
            serve.log_error("push queue", error)
        self._queues[0].put_nowait(job)

    def _give_up(self, job: _Job) -> None:
        _log.error("a notification was given up (%s)", logs.pseudonym(job.pending.address))
        self._counters.add("notifications", result="given_up")
        self._forget(job)

    def _forget(self, job: _Job) -> None:
        self._jobs.pop((job.pending.address, job.pending.token), None)
        with contextlib.suppress(OSError):
            self._disk.remove(job.pending)


def _tls_context() -> "ssl.SSLContext":
    import ssl

    return ssl.create_default_context()
