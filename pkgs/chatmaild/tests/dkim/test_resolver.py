"""DNS lookups and the key cache."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import dns.flags
import dns.message
import dns.rcode
import dns.resolver
import dns.rrset
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chatmaild.dkim import resolver
from chatmaild.dkim.keys import public_record
from chatmaild.dkim.resolver import KeyCache, TxtAnswer, query_txt
from chatmaild.errors import KeyUnavailableError

from ..waiting import DEADLINE_S

KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
RECORD = public_record(KEY)
NAME = "sel._domainkey.peer.example"
Answer = Callable[[dns.message.Message], dns.message.Message | None]


class Server:
    """A name server on the loopback interface; `answer` makes the replies."""

    def __init__(self) -> None:
        self.answer: Answer = lambda _: None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the socket."""
        self.socket.sendto(b"", self.socket.getsockname())
        self._thread.join()
        self.socket.close()

    def _serve(self) -> None:
        while True:
            data, peer = self.socket.recvfrom(4096)
            if not data:
                return
            reply = self.answer(dns.message.from_wire(data))
            if reply is not None:
                self.socket.sendto(reply.to_wire(), peer)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The name server that the resolver uses."""
    server = Server()
    address, port = server.socket.getsockname()
    system = dns.resolver.Resolver(configure=False)
    system.nameservers, system.port = [address], port
    monkeypatch.setattr(dns.resolver, "default_resolver", system)
    monkeypatch.setattr(resolver, "_TIMEOUT_S", DEADLINE_S)
    yield server
    server.stop()


def answering(*records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> Answer:
    """An answer with TXT records in presentation format."""

    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        reply.set_rcode(rcode)
        if records:
            name = query.question[0].name
            reply.answer.append(dns.rrset.from_text(name, 300, "IN", "TXT", *records))
        return reply

    return answer


def test_records_have_their_ttl(server: Server) -> None:
    """The strings of one record are joined."""
    server.answer = answering('"v=DKIM1; " "p=abc"', '"other"')
    answer = query_txt(NAME)

    assert ({"v=DKIM1; p=abc", "other"}, 300) == (set(answer.texts), answer.ttl_s)


@pytest.mark.parametrize("answer", [answering(), answering(rcode=dns.rcode.NXDOMAIN)])
def test_absent_names_have_no_records(server: Server, answer: Answer) -> None:
    """The answer is final: the signature is not valid."""
    server.answer = answer

    assert query_txt(NAME).texts == ()


@pytest.mark.parametrize(
    "answer",
    [
        answering(rcode=dns.rcode.SERVFAIL),
        answering(rcode=dns.rcode.REFUSED),
    ],
)
def test_a_failed_lookup_is_not_an_absent_name(server: Server, answer: Answer) -> None:
    """Unbound could not validate the answer."""
    server.answer = answer

    with pytest.raises(KeyUnavailableError):
        query_txt(NAME)


@pytest.mark.usefixtures("server")
def test_a_resolver_that_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no absent name either."""
    monkeypatch.setattr(resolver, "_TIMEOUT_S", 0.2)

    with pytest.raises(KeyUnavailableError):
        query_txt(NAME)


@pytest.mark.parametrize("name", ["x" * 64 + ".example", "a..example", ".", "x." * 200])
def test_impossible_names_have_no_records(server: Server, name: str) -> None:
    """Senders choose these names."""
    server.answer = answering()

    assert query_txt(name).texts == ()


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_keys_are_cached_for_their_ttl() -> None:
    """A day at most."""
    clock = Clock()
    for ttl_s, lasts_s in ((300, 300), (1_000_000, 86_400)):
        answer = TxtAnswer(texts=(RECORD,), ttl_s=ttl_s)
        keys = KeyCache(query={NAME: answer}.__getitem__, clock=clock)
        assert keys.cached(NAME) == ()
        found = keys.fresh(NAME)
        assert len(found) == 1
        clock.now_s += lasts_s - 1
        assert found == keys.cached(NAME)
        clock.now_s += 1
        assert keys.cached(NAME) == ()


def test_absent_keys_are_not_cached() -> None:
    """A newly published key is found at once."""
    keys = KeyCache(query=lambda _: TxtAnswer(texts=("v=spf1 -all",), ttl_s=300))

    assert keys.fresh(NAME) == ()
    assert keys.cached(NAME) == ()


def test_the_cache_has_a_size_limit() -> None:
    """1000 keys; the least recently used one is dropped."""
    keys = KeyCache(query=lambda _: TxtAnswer(texts=(RECORD,), ttl_s=300), clock=Clock())
    for number in range(1000):
        keys.fresh(str(number))
    assert keys.cached("0")
    keys.fresh("one more")

    assert [bool(keys.cached(name)) for name in ("0", "1", "2")] == [True, False, True]


class SlowDns:
    """Takes 10 s for each failure."""

    def __init__(self, clock: Clock) -> None:
        self.names: list[str] = []
        self._clock = clock

    def __call__(self, name: str) -> TxtAnswer:
        self.names.append(name)
        self._clock.now_s += 10
        raise KeyUnavailableError("down")


def test_a_message_waits_once_for_dead_dns() -> None:
    """Five signatures took 50 s (issue 8 A5); the next message asks again."""
    clock = Clock()
    dns = SlowDns(clock)
    keys = KeyCache(query=dns, clock=clock)
    for _ in range(2):
        message = keys.for_message("192.0.2.1")
        for number in range(5):
            with pytest.raises(KeyUnavailableError):
                message.fresh(f"s{number}._domainkey.peer.example")

    assert dns.names == ["s0._domainkey.peer.example"] * 2


def test_a_client_has_few_lookups_at_a_time() -> None:
    """The ninth fails at once; other clients, and the gateway of HTTPS, go on."""
    keys = KeyCache(query=lambda _: TxtAnswer(texts=(RECORD,), ttl_s=300))
    with contextlib.ExitStack() as running:
        for _ in range(8):
            running.enter_context(keys.lookup_of("192.0.2.1"))

        with pytest.raises(KeyUnavailableError):
            keys.for_message("192.0.2.1").fresh(NAME)
        assert keys.for_message("192.0.2.2").fresh(NAME)
        assert keys.for_message("").fresh(NAME)
    assert keys.for_message("192.0.2.1").fresh(NAME)


class Dns:
    """Counts lookups and holds them back until `go` is set."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.go = threading.Event()
        self.ttl_s = 60.0

    def __call__(self, name: str) -> TxtAnswer:
        """A key."""
        self.names.append(name)
        assert self.go.wait(DEADLINE_S)
        return TxtAnswer(texts=(RECORD,), ttl_s=self.ttl_s)


def test_one_lookup_answers_all_messages_that_wait() -> None:
    """Twenty messages of a domain whose key has run out ask once."""
    dns_, found = Dns(), []
    keys = KeyCache(query=dns_)
    threads = [threading.Thread(target=lambda: found.append(keys.fresh(NAME))) for _ in range(5)]
    for thread in threads:
        thread.start()
    dns_.go.set()
    for thread in threads:
        thread.join()

    assert [len(one) for one in found] == [1] * 5
    assert len(dns_.names) < 5


def test_a_key_that_has_run_out_is_renewed_ahead() -> None:
    """The envelope names the domain: DNS answers while the message is received."""
    dns_, now = Dns(), [0.0]
    dns_.go.set()
    keys = KeyCache(query=dns_, clock=lambda: now[0])
    keys.expect("peer.example")
    keys.fresh(NAME)
    keys.expect("peer.example")

    assert dns_.names == [NAME]

    now[0] = 61.0
    assert keys.cached(NAME) == ()
    dns_.go.clear()
    keys.expect("peer.example")
    keys.expect("peer.example")
    dns_.go.set()

    assert len(keys.fresh(NAME)) == 1
    assert len(keys.cached(NAME)) == 1
    assert dns_.names == [NAME] * 2


def test_a_key_without_ttl_is_not_renewed_ahead() -> None:
    """Nor are names that had no key: clients choose them."""
    dns_ = Dns()
    dns_.ttl_s = 0
    dns_.go.set()
    keys = KeyCache(query=dns_)
    keys.fresh(NAME)
    keys.expect("peer.example")

    assert dns_.names == [NAME]
