"""DKIM keys from DNS, with a cache that follows their TTL."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import dns.exception
import dns.rdatatype
import dns.resolver

from chatmaild.bounded import Bounded
from chatmaild.dkim.records import PublicKey, parse_record
from chatmaild.errors import ChatmaildError, KeyUnavailableError

_CACHED_KEYS: Final = 1000
_MAX_TTL_S: Final = 86_400  # one day; a revoked key is in the cache no longer than this
_TIMEOUT_S: Final = 10.0  # the SMTP client waits; unbound continues, so a retry finds the answer
_MAX_RECORDS: Final = 4  # TXT records read under one name
# No further lookup of a message begins after this time, so a message waits 15 s at most. Senders
# choose names whose servers do not answer.
_MESSAGE_S: Final = 5.0
_DOMAINKEY: Final = "._domainkey."
_MAX_AHEAD: Final = 8  # threads
_LOOKUPS_PER_CLIENT: Final = 8  # at a time; each holds a thread and an SMTP session


@dataclass(frozen=True, slots=True, kw_only=True)
class TxtAnswer:
    """The TXT records of a name, their strings joined; empty if the name does not exist."""

    texts: tuple[str, ...]
    ttl_s: float


def query_txt(name: str) -> TxtAnswer:
    """The TXT records of a name, from the resolver of this machine.

    Raises:
        KeyUnavailableError: no answer in time, or DNSSEC validation failed.
    """
    try:
        answer = dns.resolver.resolve(
            name, dns.rdatatype.TXT, lifetime=_TIMEOUT_S, search=False, raise_on_no_answer=False
        )
    except dns.resolver.NXDOMAIN:
        return TxtAnswer(texts=(), ttl_s=0)
    except (dns.resolver.NoNameservers, dns.exception.Timeout) as error:
        raise KeyUnavailableError("no answer from DNS") from error
    except (dns.exception.DNSException, UnicodeError):
        return TxtAnswer(texts=(), ttl_s=0)  # the name cannot exist in DNS
    if answer.rrset is None:
        return TxtAnswer(texts=(), ttl_s=0)
    records = list(answer.rrset)[:_MAX_RECORDS]
    texts = tuple(b"".join(record.strings).decode("ascii", "replace") for record in records)
    return TxtAnswer(texts=texts, ttl_s=answer.rrset.ttl)


class KeyNotCachedError(ChatmaildError):
    """The key is not in the cache, and the caller cannot wait for DNS."""


class Keys(Protocol):
    """Lookup of published keys by DNS name."""

    def cached(self, name: str) -> tuple[PublicKey, ...]:
        """The cached keys of a name; empty if DNS has to be asked."""

    def drop(self, name: str) -> None:
        """Remove the keys of a name from the cache."""

    def fresh(self, name: str) -> tuple[PublicKey, ...]:
        """The keys of a name from DNS.

        Raises:
            KeyUnavailableError: DNS gives no answer.
            KeyNotCachedError: this lookup cannot ask DNS.
        """


class _Lookup:
    """A look-up that runs in one thread and whose answer others wait for, too."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._keys: tuple[PublicKey, ...] | None = None

    def end(self, keys: tuple[PublicKey, ...] | None) -> None:
        """Give the answer; None where DNS gave none."""
        self._keys = keys
        self._ended.set()

    def wait(self) -> tuple[PublicKey, ...]:
        """Return the answer.

        Raises:
            KeyUnavailableError: DNS gave none.
        """
        if not self._ended.wait(_TIMEOUT_S) or self._keys is None:
            raise KeyUnavailableError("no answer from DNS")
        return self._keys


class KeyCache:
    """Published keys by DNS name, from a cache or DNS; absent keys are not cached. Thread-safe.

    Look-ups of one name at the same time are one. `expect` renews a key whose TTL has ended while
    its message is still being received.
    """

    def __init__(
        self,
        query: Callable[[str], TxtAnswer] = query_txt,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._query = query
        self._clock = clock
        self._entries: Bounded[str, tuple[float, tuple[PublicKey, ...]]] = Bounded(_CACHED_KEYS)
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()  # lookups by client
        self._lookups: dict[str, _Lookup] = {}  # by name
        self._last_name: Bounded[str, str] = Bounded(_CACHED_KEYS)  # of a key, by domain
        self._ahead = 0  # threads
        self.cached_only: Final[Keys] = _CachedKeysOnly(self)

    def cached(self, name: str) -> tuple[PublicKey, ...]:
        """The cached keys of a name; empty if DNS has to be asked."""
        with self._lock:
            expires_s, keys = self._entries.get(name, (0.0, ()))
            if expires_s <= self._clock():
                self._entries.pop(name, None)
                return ()
            self._entries.touch(name)
            return keys

    def drop(self, name: str) -> None:
        """Remove the keys of a name from the cache."""
        with self._lock:
            self._entries.pop(name, None)

    def fresh(self, name: str) -> tuple[PublicKey, ...]:
        """The keys of a name from DNS.

        Raises:
            KeyUnavailableError: DNS gives no answer.
        """
        with self._lock:
            running = self._lookups.get(name)
            own = None if running else self._lookups.setdefault(name, _Lookup())
        if own is None:
            assert running is not None
            return running.wait()
        keys = None
        try:
            keys = self._fetch(name)
        finally:
            with self._lock:
                del self._lookups[name]
            own.end(keys)
        return keys

    def expect(self, domain: str) -> None:
        """Ask DNS in a thread for the last key of a domain, if its TTL has ended.

        One lookup for each domain at a time, and none where the last one found no key that can be
        cached: a client that names domains cannot make more lookups than its messages would.
        """
        with self._lock:
            name = self._last_name.get(domain)
            expires_s, _ = self._entries.get(name or "", (0.0, ()))
            is_needed = name is not None and expires_s <= self._clock()
            if name is None or not is_needed or name in self._lookups or self._ahead >= _MAX_AHEAD:
                return
            del self._last_name[domain]  # until it is found again
            self._ahead += 1
        threading.Thread(target=self._look_ahead, args=(name,), daemon=True).start()

    def _look_ahead(self, name: str) -> None:
        try:
            with contextlib.suppress(KeyUnavailableError):
                self.fresh(name)
        finally:
            with self._lock:
                self._ahead -= 1

    def _fetch(self, name: str) -> tuple[PublicKey, ...]:
        answer = self._query(name)
        keys = tuple(key for text in answer.texts if (key := parse_record(text)) is not None)
        ttl_s = min(answer.ttl_s, _MAX_TTL_S)
        if keys and ttl_s > 0:
            with self._lock:
                self._entries[name] = (self._clock() + ttl_s, keys)
                self._last_name[name.partition(_DOMAINKEY)[2]] = name
        return keys

    def for_message(self, client: str) -> Keys:
        """The lookups of one message, limited in time and by client.

        Args:
            client: whose lookups count together, such as an IP address; empty for no limit.
        """
        return _MessageKeys(self, client)

    @contextlib.contextmanager
    def lookup_of(self, client: str) -> Iterator[None]:
        """Count a lookup while it runs.

        Raises:
            KeyUnavailableError: the client has too many.
        """
        if not client:
            yield
            return
        with self._lock:
            if self._running[client] >= _LOOKUPS_PER_CLIENT:
                raise KeyUnavailableError("too many lookups for one client")
            self._running[client] += 1
        try:
            yield
        finally:
            with self._lock:
                self._running[client] -= 1
                if not self._running[client]:
                    del self._running[client]

    def now_s(self) -> float:
        """Monotonic seconds."""
        return self._clock()


class _MessageKeys:
    """The lookups of one message; see `KeyCache.for_message`."""

    def __init__(self, keys: KeyCache, client: str) -> None:
        self._keys = keys
        self._client = client
        self._deadline_s = keys.now_s() + _MESSAGE_S
        self.cached = keys.cached
        self.drop = keys.drop

    def fresh(self, name: str) -> tuple[PublicKey, ...]:
        """The keys of a name from DNS.

        Raises:
            KeyUnavailableError: DNS gives no answer, or a limit is reached.
        """
        if self._keys.now_s() > self._deadline_s:
            raise KeyUnavailableError("too much time for one message")
        with self._keys.lookup_of(self._client):
            return self._keys.fresh(name)


class _CachedKeysOnly:
    """The cached keys only, for callers that cannot wait for DNS."""

    def __init__(self, keys: KeyCache) -> None:
        self.cached = keys.cached
        self.drop = keys.drop

    def fresh(self, name: str) -> tuple[PublicKey, ...]:
        """Raise `KeyNotCachedError`."""
        raise KeyNotCachedError(name)
