"""Read the deliveries that Dovecot appends to a file, a line for each.

pkgs/preload/plugins/tell-delivery.c writes it before the reply of the recipient is sent. With a
version of Dovecot that it was not tested with, Dovecot's event exporter does so afterwards. The
file is in memory (/run). It keeps what happens while this service is stopped, killed or busy.

A line is punched out of the file as soon as it was handled (fallocate(2)): its text and its memory
are gone, and the next process begins where this one ended. So a kill repeats one delivery at most.
The length of the file only grows: cutting it off could drop what Dovecot writes meanwhile.
"""

import asyncio
import contextlib
import ctypes
import errno
import logging
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatmaild.wire import serve

_log = logging.getLogger(__name__)

# some 25 deliveries, 1 to 2 ms: then look-ups and logins have their turn
READ_BYTES: Final = 4096
# Under load one look at the file is for all deliveries of this time.
PAUSE_S: Final = 0.02
# what could not be handled, as on a full disk
RETRY_S: Final = 1.0
GIVE_UP_S: Final = 3600.0
# while so many lines wait for another attempt, the others stay unread
MAX_FAILED: Final = 64
# where the kernel has no inotify instance left
POLL_S: Final = 0.25

# linux/inotify.h, linux/falloc.h
_IN_MODIFY: Final = 2
_KEEP_SIZE_AND_PUNCH_HOLE: Final = 1 | 2

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fallocate64.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]


class Deliveries:
    """The file of deliveries, read from the event loop.

    Args:
        path: is made if it is missing, with the group of the directory (setgid).
        handle: is called with each line. After an exception it is called again, for an hour.
    """

    def __init__(self, path: str | Path, handle: Callable[[bytes], None]) -> None:
        self._path = Path(path)
        self._handle = handle
        self._file = -1
        self._watch = -1
        # of the first byte that was not read yet
        self._next = 0
        # lines to repeat, and until when
        self._failed: dict[tuple[int, int], float] = {}
        # since then no burst
        self._calm_s = 0.0
        self._timer: asyncio.Handle | None = None
        self._repeats: asyncio.Handle | None = None

    def start(self) -> None:
        """Read what happened meanwhile, and wait for more.

        Raises:
            OSError: the file cannot be used.
        """
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW)
        # Dovecot's user is in the group
        os.fchmod(self._file, 0o660)
        self._next = _first_data(self._file, 0)
        if self._next:
            _punch(self._file, 0, self._next)
        try:
            self._watch = _watch(self._path)
        except OSError as error:
            _log.warning("push looks for deliveries every %s s: %s", POLL_S, error.strerror)
        self._look()

    def stop(self) -> None:
        """Handle what is there, and close the file."""
        while self._read():
            pass
        for handle in (self._timer, self._repeats):
            if handle is not None:
                handle.cancel()
        if self._watch >= 0:
            asyncio.get_running_loop().remove_reader(self._watch)
            os.close(self._watch)
        os.close(self._file)

    def _changed(self) -> None:
        """Handle what was written; in a burst, from now on after pauses."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        if now_s >= self._calm_s:
            self._calm_s = now_s + PAUSE_S
            # the second time for the event of its own change, and for what was written meanwhile
            if not (self._piece() and self._piece()):
                return
        loop.remove_reader(self._watch)
        self._timer = loop.call_at(self._calm_s, self._look)

    def _look(self) -> None:
        """Handle some lines; look again after a pause, or wait for more."""
        loop = asyncio.get_running_loop()
        self._timer = None
        found = self._piece()
        if len(self._failed) >= MAX_FAILED:
            self._timer = loop.call_later(RETRY_S, self._look)
        elif found >= READ_BYTES:
            self._timer = loop.call_soon(self._look)
        elif found:
            self._timer = loop.call_later(PAUSE_S, self._look)
        elif self._watch >= 0:
            loop.add_reader(self._watch, self._changed)
        else:
            self._timer = loop.call_later(POLL_S, self._look)

    def _piece(self) -> int:
        # in this order: what is written in between is an event again
        if self._watch >= 0:
            _forget_events(self._watch)
        return self._read()

    def _read(self) -> int:
        """Handle the lines of the next piece; return its length, 0 if no line is complete."""
        if len(self._failed) >= MAX_FAILED:
            return 0
        size = READ_BYTES
        piece = os.pread(self._file, size, self._next)
        if piece.startswith(b"\0"):
            # lines after one that an earlier process could not handle
            self._next = _first_data(self._file, self._next)
            return len(piece)
        while len(piece) == size and b"\n" not in piece:
            size *= 2
            piece = os.pread(self._file, size, self._next)
        lines = piece[: piece.rfind(b"\n") + 1].splitlines(keepends=True)
        for line in lines:
            start = self._next
            self._next += len(line)
            self._attempt(start, line)
        return len(piece) if lines else 0

    def _attempt(self, start: int, line: bytes) -> None:
        """Handle a line and punch it out, or keep it for another attempt."""
        place = (start, start + len(line))
        try:
            self._handle(line)
        except Exception as error:
            if self._keeps(place, error):
                return
        self._failed.pop(place, None)
        # from the start of the page: the kernel frees whole pages alone
        first = start if self._failed else start - start % mmap.PAGESIZE
        try:
            _punch(self._file, first, place[1])
        except OSError as error:
            # the next process repeats it
            serve.log_error("delivery", error)

    def _keeps(self, place: tuple[int, int], error: Exception) -> bool:
        """Tell whether a line stays in the file for another attempt."""
        loop = asyncio.get_running_loop()
        if place not in self._failed:
            serve.log_error("delivery", error)
            self._failed[place] = loop.time() + GIVE_UP_S
        elif self._failed[place] < loop.time():
            _log.error("a delivery was given up: no phone was notified")
            return False
        if self._repeats is None:
            self._repeats = loop.call_later(RETRY_S, self._repeat)
        return True

    def _repeat(self) -> None:
        self._repeats = None
        for start, stop in list(self._failed):
            self._attempt(start, os.pread(self._file, stop - start, start))


def _first_data(file: int, start: int) -> int:
    """Return where the first line after `start` begins; the length of the file if there is none."""
    try:
        position = os.lseek(file, start, os.SEEK_DATA)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return os.fstat(file).st_size
    # the page of the first line may begin with lines that are gone
    while piece := os.pread(file, READ_BYTES, position):
        rest = piece.lstrip(b"\0")
        position += len(piece) - len(rest)
        if rest:
            break
    return position


def _punch(file: int, start: int, stop: int) -> None:
    if _libc.fallocate64(file, _KEEP_SIZE_AND_PUNCH_HOLE, start, stop - start) != 0:
        raise OSError(ctypes.get_errno(), "fallocate")


def _watch(path: Path) -> int:
    """Return an inotify instance that is readable after the file changed (inotify(7)).

    Raises:
        OSError: the user has too many instances.
    """
    instance: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if instance < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    if _libc.inotify_add_watch(instance, os.fsencode(path), _IN_MODIFY) < 0:
        number = ctypes.get_errno()
        os.close(instance)
        raise OSError(number, os.strerror(number))
    return instance


def _forget_events(watch: int) -> None:
    """Read all events; the kernel joins those that are the same."""
    with contextlib.suppress(BlockingIOError):
        os.read(watch, READ_BYTES)
