"""DKIM keys from DNS, kept for as long as DNS says."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import dns.exception
import dns.rdatatype
import dns.resolver

from chatmaild.bounded import Bounded
from chatmaild.dkim.records import PublicKey, parse_record
from chatmaild.errors import ChatmaildError, KeyUnavailableError

_CACHED_KEYS: Final = 1000
_MAX_TTL_S: Final = 86_400  # a withdrawn key is forgotten after a day at the latest
_TIMEOUT_S: Final = 10.0  # the sender is kept waiting; unbound goes on, and the next try finds it
_MAX_RECORDS: Final = 4  # TXT records looked at under one name


@dataclass(frozen=True, slots=True, kw_only=True)
class TxtAnswer:
    """TXT records of a name, each one's strings joined; none where there is no such name."""

    texts: tuple[str, ...]
    ttl_s: float


def query_txt(name: str) -> TxtAnswer:
    """Ask the resolver of this machine.

    Raises:
        KeyUnavailableError: no answer in time, or none that could be validated.
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
        return TxtAnswer(texts=(), ttl_s=0)  # no name that DNS could have
    if answer.rrset is None:
        return TxtAnswer(texts=(), ttl_s=0)
    records = list(answer.rrset)[:_MAX_RECORDS]
    texts = tuple(b"".join(record.strings).decode("ascii", "replace") for record in records)
    return TxtAnswer(texts=texts, ttl_s=answer.rrset.ttl)


class KeyNotCachedError(ChatmaildError):
    """A key is not known and DNS must not be asked now."""


class Keys(Protocol):
    """Published keys by name."""

    def cached(self, name: str) -> tuple[PublicKey, ...]:
        """Keys that are still known; empty where DNS has to be asked."""

    def drop(self, name: str) -> None:
        """Forget the keys of that name."""

    def fresh(self, name: str) -> tuple[PublicKey, ...]:
        """Keys that DNS gives now.

        Raises:
            KeyUnavailableError: DNS gives no answer now.
            KeyNotCachedError: DNS must not be asked.
        """


class KeyCache:
    """Published keys by name. Absent ones are asked for again each time. Safe for threads."""

    def __init__(
        self,
        query: Callable[[str], TxtAnswer] = query_txt,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._query = query
        self._clock = clock
        self._entries: Bounded[str, tuple[float, tuple[PublicKey, ...]]] = Bounded(_CACHED_KEYS)
        self._lock = threading.Lock()
        self.without_dns: Final[Keys] = _WithoutDns(self)

    def cached(self, name: str) -> tuple[PublicKey, ...]:
        """Keys that are still known; empty where DNS has to be asked."""
        with self._lock:
            expires_s, keys = self._entries.get(name, (0.0, ()))
            if expires_s <= self._clock():
                self._entries.pop(name, None)
                return ()
            self._entries.touch(name)
            return keys

    def drop(self, name: str) -> None:
        """Forget the keys of that name."""
        with self._lock:
            self._entries.pop(name, None)

    def fresh(self, name: str) -> tuple[PublicKey, ...]:
        """Keys that DNS gives now.

        Raises:
            KeyUnavailableError: DNS gives no answer now.
        """
        answer = self._query(name)
        keys = tuple(key for text in answer.texts if (key := parse_record(text)) is not None)
        ttl_s = min(answer.ttl_s, _MAX_TTL_S)
        if keys and ttl_s > 0:
            with self._lock:
                self._entries[name] = (self._clock() + ttl_s, keys)
        return keys


class _WithoutDns:
    """The keys that are known, for who cannot wait."""

    def __init__(self, keys: KeyCache) -> None:
        self.cached = keys.cached
        self.drop = keys.drop

    def fresh(self, name: str) -> tuple[PublicKey, ...]:
        """Refuse."""
        raise KeyNotCachedError(name)
