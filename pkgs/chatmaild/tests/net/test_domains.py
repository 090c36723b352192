"""Which domains a rule covers, and the one spelling of a domain."""

import pytest

from chatmaild.errors import DomainError
from chatmaild.net.domains import DomainRules, canonical, covering, parse_rule

OWN = "chat.example.org"


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("Example.ORG", "example.org"),
        ("example.org.", "example.org"),
        ("_d.test", "_d.test"),
        ("org", "org"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("bu\N{COMBINING DIAERESIS}cher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        # IDNA2008 keeps the letter, and refuses full width, which Postfix maps
        ("straße.example", "xn--strae-oqa.example"),
        ("\N{FULLWIDTH LATIN SMALL LETTER E}xample\N{IDEOGRAPHIC FULL STOP}org", "example.org"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[ipv6:2001:DB8:0::1]", "[IPv6:2001:db8::1]"),
        ("[IPv6:::ffff:192.0.2.1]", "[192.0.2.1]"),
        ("[192.0.2.1", None),
        ("[example.org]", None),
        ("[IPv6:fe80::1%eth0]", None),
        ("example.org\N{IDEOGRAPHIC FULL STOP}", "example.org"),
        ("a..b", None),
        ("-a.example", None),
        ("a b.example", None),
        ("☃" * 70 + ".example", None),
        ("a" * 64 + ".example", None),
        (".".join(["a" * 60] * 5), None),
        ("\ud800.example", None),
        ("", None),
    ],
)
def test_a_domain_has_one_spelling(domain: str, expected: str | None) -> None:
    """As Postfix looks it up in DNS; literals as in RFC 5321 section 4.1.3."""
    assert expected == canonical(domain)
    assert expected is None or expected == canonical(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Example.org", "example.org"),
        ("192.0.2.1", "[192.0.2.1]"),
        ("2001:DB8::1", "[IPv6:2001:db8::1]"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_rules_of_operators(text: str, expected: str) -> None:
    """IP addresses need no brackets."""
    assert expected == parse_rule(text)


@pytest.mark.parametrize(
    ("text", "repair"),
    [
        ("bob@example.org", "without the part before the @"),
        (".example.org", "write example.org, which covers all names below it"),
        ("*.example.org", "write example.org, which covers all names below it"),
        ("192.0.2.0/24", "neither a domain nor an IP address"),
        ("[192.0.2.1", "neither a domain nor an IP address"),
        ("", "neither a domain nor an IP address"),
    ],
)
def test_other_texts_are_no_rules(text: str, repair: str) -> None:
    """The error says what to write."""
    with pytest.raises(DomainError, match=repair):
        parse_rule(text)


def test_a_rule_covers_the_names_below_it() -> None:
    """And no name that only ends in the same letters; the longest rule is named."""
    rules = frozenset({"example.org", "b.example.org", "[192.0.2.1]", "test"})
    covered = {
        "example.org": "example.org",
        "a.b.example.org": "b.example.org",
        "notexample.org": None,
        "org": None,
        "a.test": "test",
        "[192.0.2.1]": "[192.0.2.1]",
        "[192.0.2.11]": None,
        "[IPv6:2001:db8::1]": None,
    }

    assert covered == {name: covering(name, rules) for name in covered}


def test_without_rules_every_domain_is_allowed() -> None:
    """Also a text that is no domain: other rules refuse it."""
    rules = DomainRules(own=OWN)

    assert all(map(rules.allow, ("example.net", "[example.org]", OWN)))


def test_blocked_domains() -> None:
    """In every spelling; the own domain stays allowed below a blocked one."""
    rules = DomainRules(own=OWN, blocked=frozenset({"example.org", "xn--bcher-kva.example"}))
    allowed = {
        "example.net": True,
        "EXAMPLE.org.": False,
        "a.example.org": False,
        OWN: True,
        "a." + OWN: False,
        "bücher.example": False,
        "\N{FULLWIDTH LATIN SMALL LETTER E}xample.org": False,
        "[example.org]": False,
        "[192.0.2.1]": True,
    }

    assert allowed == {domain: rules.allow(domain) for domain in allowed}


def test_allowed_only() -> None:
    """Everything else is blocked, and a blocked part of an allowed domain, too."""
    rules = DomainRules(
        own=OWN,
        blocked=frozenset({"bad.example.net"}),
        allowed_only=frozenset({"example.net", "[192.0.2.1]"}),
    )
    allowed = {
        "example.net": True,
        "a.example.net": True,
        "bad.example.net": False,
        "x.bad.example.net": False,
        "example.org": False,
        OWN: True,
        "[192.0.2.1]": True,
        "[192.0.2.2]": False,
    }

    assert allowed == {domain: rules.allow(domain) for domain in allowed}
