"""DNS and the cache before it."""

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

KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
RECORD = public_record(KEY)
NAME = "sel._domainkey.peer.example"
Answer = Callable[[dns.message.Message], dns.message.Message | None]


class Server:
    """A name server on the loopback interface; ``answer`` decides."""

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
    """The name server that this machine asks."""
    server = Server()
    address, port = server.socket.getsockname()
    system = dns.resolver.Resolver(configure=False)
    system.nameservers, system.port = [address], port
    monkeypatch.setattr(dns.resolver, "default_resolver", system)
    monkeypatch.setattr(resolver, "_TIMEOUT_S", 0.5)
    yield server
    server.stop()


def answering(*records: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR) -> Answer:
    """TXT records in presentation format."""

    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        reply.set_rcode(rcode)
        if records:
            name = query.question[0].name
            reply.answer.append(dns.rrset.from_text(name, 300, "IN", "TXT", *records))
        return reply

    return answer


def test_records_come_with_their_time(server: Server) -> None:
    """Strings of one record are joined without anything between them."""
    server.answer = answering('"v=DKIM1; " "p=abc"', '"other"')
    answer = query_txt(NAME)

    assert ({"v=DKIM1; p=abc", "other"}, 300) == (set(answer.texts), answer.ttl_s)


@pytest.mark.parametrize("answer", [answering(), answering(rcode=dns.rcode.NXDOMAIN)])
def test_absent_names_have_no_records(server: Server, answer: Answer) -> None:
    """That is an answer, and the signature is not valid."""
    server.answer = answer

    assert query_txt(NAME).texts == ()


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: None,
        answering(rcode=dns.rcode.SERVFAIL),
        answering(rcode=dns.rcode.REFUSED),
    ],
)
def test_no_answer_is_told_from_an_absent_name(server: Server, answer: Answer) -> None:
    """Silence, or unbound found no way to a validated answer."""
    server.answer = answer

    with pytest.raises(KeyUnavailableError):
        query_txt(NAME)


@pytest.mark.parametrize("name", ["x" * 64 + ".example", "a..example", ".", "x." * 200])
def test_impossible_names_have_no_records(server: Server, name: str) -> None:
    """They come from a signature, that is: from anybody."""
    server.answer = answering()

    assert query_txt(name).texts == ()


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_keys_are_kept_for_as_long_as_dns_says() -> None:
    """And a day at most."""
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


def test_absent_keys_are_asked_for_each_time() -> None:
    """A key that is published just now must not be missing for long."""
    keys = KeyCache(query=lambda _: TxtAnswer(texts=("v=spf1 -all",), ttl_s=300))

    assert keys.fresh(NAME) == ()
    assert keys.cached(NAME) == ()


def test_the_cache_is_bounded() -> None:
    """A thousand keys; the one not used for the longest time goes."""
    keys = KeyCache(query=lambda _: TxtAnswer(texts=(RECORD,), ttl_s=300), clock=Clock())
    for number in range(1000):
        keys.fresh(str(number))
    assert keys.cached("0")
    keys.fresh("one more")

    assert [bool(keys.cached(name)) for name in ("0", "1", "2")] == [True, False, True]
