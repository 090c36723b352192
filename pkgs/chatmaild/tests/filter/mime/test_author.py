"""Rules O4 and I1: whose message it is, as the first address of From says."""

import pytest

from chatmaild.address import domain_of
from chatmaild.filter.mime.author import author, is_literal

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
    """In every form that RFC 5322 section 3.4 has."""
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
def test_what_readers_could_understand_differently_is_no_author(field: bytes) -> None:
    """One program would show one person, another program another one."""
    assert author(field) is None


@pytest.mark.parametrize(
    "piece",
    [b"(", b"\\", b'"', b"<", b"a ", b"a:", b"(a)", b"()", b'""', b"\\(", b"a@", b"<a", b'<"'],
)
@pytest.mark.parametrize("start", [b"", b"(", b'"', b"<", b'<"'])
def test_ten_times_the_text_takes_ten_times_the_time(start: bytes, piece: bytes) -> None:
    """No field makes the parser go over it again and again."""
    short, long = ((start + piece * 5000)[:octets] for octets in (900, 9000))

    assert seconds(lambda: author(long)) <= 20 * seconds(lambda: author(short)) + 0.001


def test_domains() -> None:
    """Compared in lower case; literals stand in brackets."""
    assert domain_of("a@B.Example") == "b.example"
    assert [is_literal("[192.0.2.1]"), is_literal("b.example")] == [True, False]
