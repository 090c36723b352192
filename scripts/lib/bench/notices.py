"""The times at which a client in IDLE is notified of messages."""

from __future__ import annotations

import queue
import threading
import time

from chatmail_testkit.mail.raw import ProtocolError, RawImap

DEADLINE_S = 90  # longer than Postfix' retry interval


class Notices:
    """Reads a session in IDLE in a thread, until the session ends."""

    def __init__(self, session: RawImap) -> None:
        self._times_s: queue.Queue[float] = queue.Queue()
        threading.Thread(target=self._listen, args=(session,), daemon=True).start()

    def next_s(self) -> float:
        """Return the time of the next notice (`time.perf_counter`).

        Raises:
            TimeoutError: there is none.
        """
        try:
            return self._times_s.get(timeout=DEADLINE_S)
        except queue.Empty:
            raise TimeoutError(f"no notice of a message within {DEADLINE_S} s") from None

    def _listen(self, session: RawImap) -> None:
        while True:
            try:
                session.notice()
            except (OSError, ValueError, ProtocolError):
                return
            self._times_s.put(time.perf_counter())
