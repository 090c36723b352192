"""Rule I7: which signatures count."""

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from chatmaild.dkim.canonical import BodyHash, Canonicalization
from chatmaild.dkim.keys import public_record
from chatmaild.dkim.resolver import KeyCache, TxtAnswer
from chatmaild.dkim.signer import Signer
from chatmaild.dkim.verifier import Result, Verification, parse_signature
from chatmaild.errors import KeyUnavailableError
from chatmaild.filter.mime.headers import Header

from ..timing import seconds

DOMAIN = "peer.example"
NOW_S = 1_700_000_000
BODY = b"Hello\r\n"
HEADERS = [Header(b"From", b" <eve@peer.example>"), Header(b"Subject", b" [...]")]
BAD = Result.NO_VALID_SIGNATURE
DOWN = Result.KEY_UNAVAILABLE


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """The key of peer.example."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Dns:
    """Gives the answers in order, then repeats the last one; None is a DNS failure."""

    def __init__(self, *answers: str | None) -> None:
        self.names: list[str] = []
        self._answers = iter(answers)
        self._last: str | None = None

    def __call__(self, name: str) -> TxtAnswer:
        self.names.append(name)
        self._last = next(self._answers, self._last)
        if self._last is None:
            raise KeyUnavailableError("down")
        return TxtAnswer(texts=(self._last,), ttl_s=300)


def signature(
    key: rsa.RSAPrivateKey, *, domain: str = DOMAIN, selector: str = "sel", body: bytes = BODY
) -> Header:
    """A signature of the test message."""
    body_hash = BodyHash(Canonicalization.SIMPLE)
    body_hash.feed(body)
    signer = Signer(domain=domain, selector=selector, key=key)
    field = signer.sign(HEADERS, body_hash.digest(), now_s=NOW_S)
    return Header(field.name, field.value)


def result(
    signatures: list[Header],
    keys: KeyCache,
    *,
    domain: str = DOMAIN,
    body: bytes = BODY,
    now_s: float = NOW_S,
) -> Result:
    """The result for these signatures."""
    verification = Verification([*signatures, *HEADERS], domain)
    verification.feed(body)
    return verification.finish(keys, now_s=now_s)


def test_one_valid_signature_is_enough(key: rsa.RSAPrivateKey) -> None:
    """With any other signatures."""
    good, other = signature(key), signature(key, domain="list.example")
    broken = Header(b"DKIM-Signature", b" v=1; a=rsa-sha256")
    spoilt = signature(key, body=b"something else")
    keys = KeyCache(query=Dns(public_record(key)))

    for several in ([good], [other, good], [good, other], [broken, spoilt, good]):
        assert result(several, keys) is Result.PASS


def test_no_signature_and_no_valid_signature_differ(key: rsa.RSAPrivateKey) -> None:
    """The reply tells the operator of the sending server the cause."""
    keys = KeyCache(query=Dns(public_record(key)))

    assert result([], keys) is Result.NO_SIGNATURE
    assert result([signature(key, domain="list.example")], keys) is BAD


@pytest.mark.parametrize(
    ("signing", "author", "expected"),
    [
        ("peer.example", "peer.example", Result.PASS),
        ("Peer.Example", "peer.example", Result.PASS),
        ("peer.example", "mail.peer.example", BAD),
        ("mail.peer.example", "peer.example", BAD),
        ("example", "peer.example", BAD),
        ("xpeer.example", "peer.example", BAD),
        ("peer.example", "", BAD),
    ],
)
def test_the_domain_must_be_that_of_the_author(
    key: rsa.RSAPrivateKey, signing: str, author: str, expected: Result
) -> None:
    """Neither a parent nor a subdomain."""
    keys = KeyCache(query=Dns(public_record(key)))

    assert result([signature(key, domain=signing)], keys, domain=author) is expected


def test_five_signatures_are_tried(key: rsa.RSAPrivateKey) -> None:
    """Each costs a DNS lookup."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    dns = Dns(public_record(other))
    many = [signature(key, selector=f"s{number}") for number in range(100)]

    assert result(many, KeyCache(query=dns)) is BAD
    assert len(dns.names) == 5


def test_a_wrong_body_hash_costs_no_dns_lookup(key: rsa.RSAPrivateKey) -> None:
    """The body hash is compared first."""
    dns = Dns(public_record(key))

    assert result([signature(key)], KeyCache(query=dns), body=b"Good-bye\r\n") is BAD
    assert dns.names == []


def test_a_replaced_key_is_found(key: rsa.RSAPrivateKey) -> None:
    """The cached key is dropped and DNS asked once; a signature by the old key is refused."""
    old = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    dns = Dns(public_record(old), public_record(key))
    keys = KeyCache(query=dns)

    assert result([signature(old)], keys) is Result.PASS
    assert result([signature(key)], keys) is Result.PASS
    assert len(dns.names) == 2
    assert result([signature(key)], keys) is Result.PASS
    assert len(dns.names) == 2
    assert result([signature(old)], keys) is BAD
    assert len(dns.names) == 3


def test_a_dns_failure_is_temporary(key: rsa.RSAPrivateKey) -> None:
    """Another valid signature passes; an invalid one changes nothing."""
    bad = signature(key, selector="bad", body=b"x")
    several = [signature(key, selector="a"), bad, signature(key, selector="b")]

    assert result(several, KeyCache(query=Dns(None))) is DOWN
    assert result(several, KeyCache(query=Dns(None, public_record(key)))) is Result.PASS
    assert result([bad], KeyCache(query=Dns(None))) is BAD


def edited(field: Header, old: bytes, new: bytes) -> Header:
    """A signature field with one of its tags changed."""
    assert old in field.value
    return Header(field.name, field.value.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"v=1", b"v=2"),
        (b"v=1; ", b""),
        (b"a=rsa-sha256", b"a=rsa-sha1"),
        (b"a=rsa-sha256", b"a=rsa"),
        (b"a=rsa-sha256", b"a=dsa-sha256"),
        (b"c=relaxed/simple", b"c=nofws"),
        (b"d=peer.example;", b""),
        (b"d=peer.example", b"d=peer.example; d=peer.example"),
        (b"s=sel", b"s=sel; i=@list.example"),
        (b"s=sel", b"s=sel; i=@xpeer.example"),
        (b"s=sel", b"s=sel; q=http"),
        (b"s=sel", b"s=sel; x=1"),
        (b"s=sel", b"s=sel; x=never"),
        (b"s=sel", b"s=sel; l=-1"),
        (b"t=1700000000", b"t=now"),
        (b"h=from:from:", b"h="),
        (b"b=", b"b=*"),
        (b"s=sel", b"s=sel; padding=" + b"x" * 20_000),
    ],
)
def test_malformed_and_obsolete_signatures_are_ignored(
    key: rsa.RSAPrivateKey, old: bytes, new: bytes
) -> None:
    """For example an unsigned From, which anyone could forge."""
    assert parse_signature(signature(key), DOMAIN) is not None
    assert parse_signature(edited(signature(key), old, new), DOMAIN) is None


@pytest.mark.parametrize(
    "new", [b"s=sel; i=eve@peer.example", b"s=sel; i=@mail.peer.example", b"s=sel; q=dns/txt:x"]
)
def test_unusual_signatures_are_parsed(key: rsa.RSAPrivateKey, new: bytes) -> None:
    """RFC 6376 section 3.5 allows them."""
    assert parse_signature(edited(signature(key), b"s=sel", new), DOMAIN) is not None


def signed_with(key: rsa.RSAPrivateKey, extra: str) -> Header:
    """A valid signature with more tags."""

    class Extended(Signer):
        def _tags(self, names: object, body_hash: bytes, now_s: int) -> bytes:
            tags = Signer._tags(self, names, body_hash, now_s)  # type: ignore[arg-type]
            return tags.replace(b"s=sel;", f"s=sel; {extra};".encode())

    body_hash = BodyHash(Canonicalization.SIMPLE)
    body_hash.feed(BODY)
    signer = Extended(domain=DOMAIN, selector="sel", key=key)
    field = signer.sign(HEADERS, body_hash.digest(), now_s=NOW_S)
    return Header(field.name, field.value)


def cases() -> Iterator[tuple[str, str, Result]]:
    """Tags of the signature, flags of the key, the result."""
    yield "x=1700000100", "", Result.PASS
    yield "x=1700000000", "", Result.PASS
    yield "l=7", "", Result.PASS
    yield "l=6", "", BAD
    yield "l=0", "", BAD
    yield "l=8", "", BAD
    yield "i=@mail.peer.example", "", Result.PASS
    yield "i=@mail.peer.example", ";t=s", BAD
    yield "i=@peer.example", ";t=s", Result.PASS
    yield "q=dns/txt", ";t=y", Result.PASS


@pytest.mark.parametrize(("extra", "flags", "expected"), list(cases()))
def test_tags_restrict_a_signature(
    key: rsa.RSAPrivateKey, extra: str, flags: str, expected: Result
) -> None:
    """`l=` must cover the whole body, or anyone could append to it."""
    record = public_record(key).replace(";t=s", "") + flags

    assert result([signed_with(key, extra)], KeyCache(query=Dns(record))) is expected


def test_expired_signatures_do_not_count(key: rsa.RSAPrivateKey) -> None:
    """Ten minutes of clock skew are allowed."""
    keys = KeyCache(query=Dns(public_record(key)))
    field = signed_with(key, "x=1700000100")

    assert result([field], keys, now_s=NOW_S + 600) is Result.PASS
    assert result([field], keys, now_s=NOW_S + 800) is BAD


@pytest.mark.parametrize(
    "domain",
    [
        "xn--fu-hia.example",
        "fu\N{LATIN SMALL LETTER SHARP S}.example",
        "Fu\N{LATIN CAPITAL LETTER SHARP S}.Example",
    ],
)
def test_international_domains_are_compared(domain: str, key: rsa.RSAPrivateKey) -> None:
    """As A-labels of IDNA2008 (RFC 8616 section 5)."""
    keys = KeyCache(query=Dns(public_record(key)))
    found = signature(key, domain=domain)

    assert result([found], keys, domain="xn--fu-hia.example") is Result.PASS
    assert result([found], keys, domain="fuss.example") is BAD


def test_international_selectors_are_looked_up(key: rsa.RSAPrivateKey) -> None:
    """As A-labels; a selector without an A-label is malformed."""
    dns = Dns(public_record(key))

    assert result([signature(key, selector="schlüssel")], KeyCache(query=dns)) is Result.PASS
    assert dns.names == ["xn--schlssel-95a._domainkey.peer.example"]
    assert result([signature(key, selector="\N{HEAVY BLACK HEART}")], KeyCache(query=dns)) is BAD


@pytest.mark.parametrize(
    "piece",
    [b";", b"h=from:", b"a=b;", b":from", b" ", b"\r\n ", b"=", b"\r", b"\t \r\n\t", b"b=;"],
)
def test_the_time_is_proportional_to_the_header(piece: bytes, key: rsa.RSAPrivateKey) -> None:
    """For long signatures, many signatures and long fields."""
    good = signature(key)

    def judge(size: int) -> None:
        filling = (piece * size)[:size]
        names = good.value.replace(b"h=", b"h=" + b"x:" * (size // 100), 1)
        headers = [Header(b"DKIM-Signature", filling[:16_000]) for _ in range(size // 4000)]
        headers += [Header(b"DKIM-Signature", names), Header(b"Subject", filling)]
        result([*headers, good], KeyCache(query=Dns(public_record(key))))

    assert seconds(lambda: judge(400_000)) <= 0.002 + 20 * seconds(lambda: judge(40_000))
