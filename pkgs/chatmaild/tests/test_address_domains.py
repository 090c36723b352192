"""Rule I7: a domain in other letters is the one that IDNA2008 makes of it, or none."""

from unittest import mock

import pytest

from chatmaild.address import ascii_domain
from chatmaild.net.domains import canonical

from .timing import is_quick


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        ("b.example", "b.example"),
        ("B.Example.", "b.example."),
        ("_a.test", "_a.test"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("xn--fu-hia.example", "xn--fu-hia.example"),
        ("xn--i-7iq.example", "xn--i-7iq.example"),  # a heart: it exists, and DNS has it so
        ("fuß.example", "xn--fu-hia.example"),
        ("FUẞ.example", "xn--fu-hia.example"),
        ("faß.xn--fu-hia._tcp.example", "xn--fa-hia.xn--fu-hia._tcp.example"),
        ("ÜBER.example", "xn--ber-goa.example"),
    ],
)
def test_domains_in_the_form_of_dns(domain: str, expected: str) -> None:
    """ASCII as it is, others as A-labels; a sharp s is none of its own two halves."""
    assert expected == ascii_domain(domain)


@pytest.mark.parametrize(
    "domain",
    [
        "i\N{HEAVY BLACK HEART}.example",
        "bank\N{IDEOGRAPHIC FULL STOP}example",
        "ba\N{ZERO WIDTH JOINER}nk.example",
        "ba\N{ZERO WIDTH SPACE}nk.example",
        "u\N{COMBINING DIAERESIS}ber.example",  # not in normal form C
        "\N{FULLWIDTH LATIN SMALL LETTER B}ank.example",
        "ü_b.example",
        "ü" * 60 + ".example",
        "\udcfcber.example",
    ],
)
def test_names_that_idna_refuses_are_none(domain: str) -> None:
    """Aligned with nothing, and nothing is sent there over HTTPS."""
    assert ascii_domain(domain) is None


@pytest.mark.parametrize(
    "domain",
    [
        "".join(map(chr, range(0x4E00, 0x4E00 + 10_000))),
        ".".join("".join(map(chr, range(0x4E00, 0x4E00 + 63))) for _ in range(10_000)),
        "1" + "\N{EXTENDED ARABIC-INDIC DIGIT ZERO}" * 10_000,
        "e" + "\N{SOFT HYPHEN}" * 10_000 + ".example",
    ],
)
def test_a_domain_that_no_dns_has_costs_nothing(domain: str) -> None:
    """Senders choose it, and and idna 3.10 as published takes a minute."""
    with mock.patch("idna.alabel") as alabel, mock.patch("idna.uts46_remap") as remap:
        found = [ascii_domain(domain), canonical(domain)]
        quick = is_quick(lambda: [ascii_domain(domain), canonical(domain)], 0.1)

    assert found == [None, None]
    assert (alabel.called, remap.called) == (False, False)
    assert quick
