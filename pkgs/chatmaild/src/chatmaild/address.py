"""Addresses: what is one, which account is it, and may it be made (RFC 5321 section 4.1.2).

Text from outside becomes an `Address` once, where it enters: `parse_address`. All other code takes
the value.
"""

import re
from typing import NamedTuple

from chatmaild.errors import AddressError
from chatmaild.settings import Accounts

# RFC 5321 section 4.5.3.1.3: a path has at most 256 octets with its angle brackets
MAX_ADDRESS_LENGTH = 254
# a name of DNS and one of its labels (RFC 1035 section 2.3.4); A-labels are longer than their text
MAX_DOMAIN_LENGTH = 253
_MAX_LABEL_LENGTH = 63
# all but printable ASCII, and in it the space and the slash
_FORBIDDEN = re.compile(r"[^!-.0-~]")


class Address(NamedTuple):
    """A mail address in lower case; `parse_address` makes it, `str` gives its text.

    Attributes:
        local: the part before the @, with its `+tag`.
        domain: a domain name, or an address literal such as `[192.0.2.1]`.
    """

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def account(self) -> "Address":
        """The address without `+tag`: the account, and the name of its mailbox."""
        if "+" not in self.local:
            return self
        return Address(self.local.partition("+")[0], self.domain)


def parse_address(text: str) -> Address:
    """The address that the text is, in lower case.

    Raises:
        AddressError: not exactly one @, an empty part, a name of dots only, a `/`, a space, a
            control character, or anything outside of ASCII.
    """
    if len(text) > MAX_ADDRESS_LENGTH:
        raise AddressError("an address has at most 254 characters")
    if _FORBIDDEN.search(text):
        raise AddressError("an address has no slash, space, control or non-ASCII character")
    if text.count("@") != 1:
        raise AddressError("an address has exactly one @")
    local, domain = text.lower().split("@")
    if not local.partition("+")[0].strip(".") or not domain:
        raise AddressError("an address has a name before the @ and a domain after it")
    return Address(local, domain)


def address_or_none(text: str) -> Address | None:
    """The address that the text is, or None."""
    try:
        return parse_address(text)
    except AddressError:
        return None


def limit_problem(local: str, password: str, limits: Accounts) -> str | None:
    """Why a new address with this local part and password is not made, or None.

    Returns:
        One of the reason codes `name-length`, `name-characters`, `password-length`.
    """
    if not limits.user_name_min_length <= len(local) <= limits.user_name_max_length:
        return "name-length"
    if not set(local) <= set(limits.user_name_characters):
        return "name-characters"
    if len(password) < limits.password_min_length:
        return "password-length"
    return None


def domain_of(address: str) -> str:
    """The domain of a mailbox anywhere, in lower case; empty where there is no @."""
    return address.rpartition("@")[2].lower() if "@" in address else ""


def ascii_domain(domain: str) -> str | None:
    """A domain in lower case, labels in other letters as A-labels; None where one has none.

    IDNA2008 (RFC 5891): no other mapping than that to lower case, which takes nothing from a name.
    IDNA2003, as Python's own codec does it, makes `fuss` of `fu\N{LATIN SMALL LETTER SHARP S}`,
    which belongs to somebody else. Labels in ASCII stay as they are: DNS compares them so.

    Senders choose the text, and some versions of idna take minutes for a long one: a text that is
    too long for a name, its last dot included, is none at once.
    """
    if domain.isascii():
        return domain.lower()
    if len(domain) > MAX_DOMAIN_LENGTH + 1:
        return None
    try:
        return ".".join(map(_label, domain.lower().split(".")))
    except UnicodeError:  # idna.IDNAError is one, and so is what surrogates raise
        return None


def _label(label: str) -> str:
    if label.isascii():
        return label
    if len(label) > _MAX_LABEL_LENGTH:
        raise UnicodeError
    import idna  # its tables take 0.5 MB, and few relays meet such a name

    return idna.alabel(label).decode("ascii")
