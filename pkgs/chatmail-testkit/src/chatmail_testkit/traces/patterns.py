"""The forms of personal data in a file: text, base64, binary IP addresses."""

from __future__ import annotations

import base64
import ipaddress
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from chatmail_testkit.traces.ledger import MARK, Secret

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BITS: Final = 6
# what follows the mark; shorter than any secret
_TAIL: Final = "[A-Za-z0-9_-]{6,}"
_BASE64_TAIL: Final = "[A-Za-z0-9+/_-]{8,}"


def request(secrets: Iterable[Secret]) -> dict[str, Any]:
    """Returns what `sweep.py` reads."""
    marked: dict[str, str] = {}
    fixed: dict[str, tuple[str, str]] = {}
    ips: dict[str, str] = {}
    for secret in secrets:
        if secret.kind == "IP address":
            ips |= dict.fromkeys(ip_forms(secret.value), secret.value)
        elif secret.value.startswith(MARK):
            marked[secret.value.lower()] = secret.kind
        else:
            for text in (secret.value, *inner_base64(secret.value.encode())):
                fixed[text.lower()] = (secret.kind, secret.value)
    return {
        "mark": MARK,
        "marked": marked,
        "mark_form": MARK + _TAIL,
        "base64_form": f"({'|'.join(base64_classes(MARK.encode()))}){_BASE64_TAIL}",
        "fixed": fixed,
        "ips": ips,
        "any_ip": "|".join(_grouped(set(ips.values()))),
        "ip_parts": sorted(ip_parts(set(ips.values()))),
    }


def base64_classes(data: bytes) -> list[str]:
    """Returns a regular expression for each number of bytes before `data`: 0, 1, 2.

    It begins with the first character that has a bit of `data`: the N-th of its four.
    """
    return ["".join(_classes(data, before)) for before in range(3)]


def _classes(data: bytes, before: int) -> Iterable[str]:
    bits = "?" * 8 * before + "".join(f"{byte:08b}" for byte in data)
    bits += "?" * (-len(bits) % _BITS)
    for start in range(0, len(bits), _BITS):
        form = re.compile(bits[start : start + _BITS].replace("?", "."))
        fitting = [char for n, char in enumerate(_ALPHABET) if form.fullmatch(f"{n:06b}")]
        if len(fitting) < len(_ALPHABET):
            yield f"[{''.join(fitting)}]"


def inner_base64(data: bytes) -> list[str]:
    """Returns the characters that `data` alone decides, for each number of bytes before it."""
    found = []
    for before in range(3):
        text = base64.b64encode(bytes(before) + data).decode()
        whole = (before + len(data)) * 8 // _BITS
        found.append(text[-(-before * 8 // _BITS) : whole])
    return found


def ip_forms(ip: str) -> list[str]:
    """Returns regular expressions (PCRE, any case): text, hexadecimal digits, socket addresses.

    Not in a domain literal after an @ (RFC 5321 section 4.1.3): there it is a relay's name.
    """
    return _forms([ipaddress.ip_address(ip)])


def ip_parts(ips: Iterable[str]) -> set[str]:
    """Returns strings without a line end; each match of a form has one of them, in any case.

    A search for them is many times as fast as that for the forms.
    """
    parts: set[str] = set()
    for network in _networks(ips):
        first = network[0]
        binary = first.packed[:-1]
        # as in `_forms`; the last byte comes first in a pointer
        last_length = 4 if first.version == 6 else len(f"{first.packed[-1]}.")
        parts |= {binary.hex(), first.reverse_pointer[last_length:]}
        parts.add(max(binary.split(b"\n"), key=len).decode("latin-1"))
        if first.version == 4:
            parts |= {str(first).rpartition(".")[0] + ".", binary[::-1].hex()}
        else:
            parts |= {text for ip in network for text in _ipv6_texts(ip)}
    return parts


def _grouped(ips: Iterable[str]) -> Iterable[str]:
    """Yields the forms of all, networks together: a search for each alone would be slow."""
    for network in _networks(ips):
        yield from _forms(network)


def _networks(ips: Iterable[str]) -> Iterable[list[IpAddress]]:
    """Yields IP addresses that differ in their last byte."""
    found = sorted(map(ipaddress.ip_address, ips), key=lambda ip: (ip.version, ip.packed))
    for _, network in itertools.groupby(found, lambda ip: (ip.version, ip.packed[:-1])):
        yield list(network)


def _forms(network: Sequence[IpAddress]) -> list[str]:
    """Returns the forms of IP addresses that differ in their last byte."""
    first = network[0]
    start = "".join(f"\\x{byte:02x}" for byte in first.packed[:-1])
    binary = start + _any(f"\\x{ip.packed[-1]:02x}" for ip in network)
    digits = first.packed[:-1].hex() + _any(ip.packed[-1:].hex() for ip in network)
    hexadecimal = _whole(digits, "[0-9a-f]")
    pointer = _whole(_any(re.escape(ip.reverse_pointer) for ip in network), "[0-9a-f.]")
    if first.version == 4:
        little = _any(ip.packed[-1:].hex() for ip in network) + first.packed[-2::-1].hex()
        prefix = re.escape(str(first).rpartition(".")[0] + ".")
        last = _any(str(ip.packed[-1]) for ip in network)
        return [
            rf"(?<![0-9])(?<![0-9]\.)(?<!@\[){prefix}{last}(?!\.?[0-9])",
            *(hexadecimal, _whole(little, "[0-9a-f]"), pointer),
            # struct sockaddr_in, and ::ffff:0:0/96
            *(rf"\x02\x00[\x00-\xff]{{2}}{binary}", rf"\x00\x00\xff\xff{binary}"),
        ]
    texts = _any(re.escape(text) for ip in network for text in _ipv6_texts(ip))
    return [rf"(?<!@\[ipv6:){_whole(texts, '[0-9a-f:]')}", hexadecimal, pointer, binary]


def _ipv6_texts(ip: IpAddress) -> set[str]:
    groups = ":".join(f"{int(group, 16):x}" for group in ip.exploded.split(":"))
    return {str(ip), ip.exploded, groups}


def _any(forms: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(set(forms)))})"


def _whole(form: str, inside: str) -> str:
    # Postfix writes IPv6:2001:db8::2
    before = inside.replace(":", "")
    return f"(?<!{before}){form}(?!{inside})"
