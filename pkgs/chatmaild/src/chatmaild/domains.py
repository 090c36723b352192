"""Domain names as DNS has them (RFC 5890, RFC 8616)."""

from __future__ import annotations

import idna


def ascii_domain(domain: str) -> str | None:
    """A domain in lower case, labels in other letters as A-labels; None where one has none.

    IDNA2008 (RFC 5891): no other mapping than that to lower case, which takes nothing from a name.
    IDNA2003, as Python's own codec does it, makes `fuss` of `fu\N{LATIN SMALL LETTER SHARP S}`,
    which belongs to somebody else. Labels in ASCII stay as they are: DNS compares them so.
    """
    try:
        return ".".join(map(_label, domain.lower().split(".")))
    except UnicodeError:  # idna.IDNAError is one, and so is what surrogates raise
        return None


def _label(label: str) -> str:
    return label if label.isascii() else idna.alabel(label).decode("ascii")
