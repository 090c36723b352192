"""Rules O4 and I1: the author is the first address in From."""

import pytest

from chatmaild.address import domain_of
from chatmaild.filter.mime.author import author, is_domain_literal

from ...timing import seconds


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"alice@chat.example.org", "alice@chat.example.org"),
        (b"<alice@chat.example.org>", "alice@chat.example.org"),
        (b" Alice <alice@chat.example.org> ", "alice@chat.example.org"),
        (b'"Alice, the <first>" <alice@chat.example.org>', "alice@chat.example.org"),
        (b'"bob@peer.example" <alice@chat.example.org>', "alice@chat.example.org"),
        (b"=?utf-8?q?Al=C3=ADce?= <alice@chat.example.org>", "alice@chat.example.org"),
        ("Alíce <alice@chat.example.org>".encode(), "alice@chat.example.org"),
        (b"alice@chat.example.org (Alice)", "alice@chat.example.org"),
        (b"(a) alice@chat.example.org (b)", "alice@chat.example.org"),
        (b"(one (two) three) <alice@chat.example.org>", "alice@chat.example.org"),
        (b"((a)(b(c)))alice@chat.example.org", "alice@chat.example.org"),
        (b"Alice (a \\( b (\\) c)) <alice@chat.example.org>", "alice@chat.example.org"),
        (b'Alice (bob@peer.example "<) <alice@chat.example.org>', "alice@chat.example.org"),
        (b"(" * 50 + b")" * 50 + b"<alice@chat.example.org>", "alice@chat.example.org"),
        ("Al\u00a0íce <alice@chat.example.org>".encode(), "alice@chat.example.org"),
        (b"alice@chat.example.org, bob@peer.example", "alice@chat.example.org"),
        (b"Friends: alice@chat.example.org, bob@peer.example;", "alice@chat.example.org"),
        (b"alice@[192.0.2.1]", "alice@[192.0.2.1]"),
        (b"<alice@[IPv6:2001:db8::1]>", "alice@[IPv6:2001:db8::1]"),
        (b'"a b"@chat.example.org', '"a b"@chat.example.org'),
        (b'<"a\\"@b"@chat.example.org>', '"a\\"@b"@chat.example.org'),
        ("<jürgen@peer.example>".encode(), "jürgen@peer.example"),
    ],
)
def test_addresses_are_found(field: bytes, expected: str) -> None:
    """In every form of RFC 5322 section 3.4."""
    assert expected == author(field)


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b"Alice",
        b"<>",
        b"<alice>",
        b"@chat.example.org",
        b"alice@",
        b"a b@chat.example.org",
        b"alice@chat.example.org bob@peer.example",
        b"<alice@chat.example.org> bob@peer.example",
        b"<alice@chat.example.org> <bob@peer.example>",
        b"<alice@chat.example.org>, <" + b"x" * 10_000 + b"@peer.example>",
        b"<alice@chat.example.org",
        b"alice@chat.example.org>",
        b'"Alice <alice@chat.example.org>',
        b"(Alice <alice@chat.example.org>",
        b"(Alice (a) <alice@chat.example.org>",
        b"Alice) <alice@chat.example.org>",
        b"(Alice\\) <alice@chat.example.org>",
        b"<alice@chat.example.org> (Alice\\",
        b"(" * 51 + b")" * 51 + b"<alice@chat.example.org>",
        b"bob@peer.example <alice@chat.example.org>",
        b"ceo@bank.example <x@[192.0.2.1]>",
        b"The ceo @bank.example <alice@chat.example.org>",
        b'"ceo"@bank.example <alice@chat.example.org>',
        b"bob@peer.example: <alice@chat.example.org>;",
        b"(\0) <alice@chat.example.org>",
        b'"a\rb" <alice@chat.example.org>',
        b"<@peer.example:alice@chat.example.org>",
        b"alice@peer.example@chat.example.org",
        b"alice@chat.example.org\0",
        b"<alice\r@chat.example.org>",
        b"alice@chat.exam ple.org",
        b"alice@[192.0.2.1",
        b"alice@a[192.0.2.1]",
        b",alice@chat.example.org",
        b";",
    ],
)
def test_ambiguous_fields_are_malformed(field: bytes) -> None:
    """Mail readers would show different authors."""
    assert author(field) is None


@pytest.mark.parametrize(
    "piece",
    [b"(", b"\\", b'"', b"<", b"a ", b"a:", b"(a)", b"()", b'""', b"\\(", b"a@", b"<a", b'<"'],
)
@pytest.mark.parametrize("start", [b"", b"(", b'"', b"<", b'<"'])
def test_the_time_is_proportional_to_the_length(start: bytes, piece: bytes) -> None:
    """No field makes the parser read it several times."""
    short, long = ((start + piece * 5000)[:size] for size in (900, 9000))

    assert seconds(lambda: author(long)) <= 20 * seconds(lambda: author(short)) + 0.001


def test_domains_are_in_lower_case_and_literals_in_brackets() -> None:
    """The domain of an address, and whether it is a literal."""
    assert domain_of("a@B.Example") == "b.example"
    assert [is_domain_literal("[192.0.2.1]"), is_domain_literal("b.example")] == [True, False]
