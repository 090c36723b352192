"""The search that ends the acceptance suite finds data of every kind, wherever it is."""

from __future__ import annotations

import base64
import contextlib
import gzip
import os
import secrets
from collections.abc import Iterator

import pytest
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.traces.ledger import MARK, Secret
from chatmail_testkit.traces.places import faults
from chatmail_testkit.traces.search import Found, search

# several workers may run these tests on one relay
UNIT = f"e2e-planted-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"
FOLDER = f"/var/lib/{UNIT}"
# nothing of these is in the ledger: they stay in the journal
ADDRESS, STRANGE, PASSWORD, TOKEN, INVITE, SUBJECT = (
    f"{start}{secrets.token_hex(8)}"
    for start in (MARK, "x", MARK, f"openpgp:{MARK}", "i", "about the mill of ")
)
IPV4, IPV6 = "203.0.113.91", "2001:db8:9::91"
PLANTED = [
    Secret("address", ADDRESS),
    Secret("address", STRANGE),
    Secret("password", PASSWORD),
    Secret("device token", TOKEN),
    Secret("invite", INVITE),
    Secret("subject", SUBJECT),
    Secret("IP address", IPV4),
    Secret("IP address", IPV6),
]
TEXTS = [secret.value for secret in PLANTED]
# the workers of one run collect tests of the same names
NAMES = ["address", "address-unmarked", "password", "token", "invite", "subject", "IPv4", "IPv6"]


@pytest.fixture(scope="module")
def found(machine: Machine) -> Iterator[Found]:
    """What the search finds after all of it was planted."""
    with contextlib.ExitStack() as stack:
        machine.run("mkdir", FOLDER)
        stack.callback(machine.run, "rm", "-r", FOLDER)
        files = {
            "plain": "\n".join(TEXTS).encode(),
            "capitals": "\n".join(TEXTS).upper().encode(),
            "packed.gz": gzip.compress(" ".join(TEXTS).encode()),
            "hex": b"remote C000025B, cb00715b, 20010db800090000000000000000 0091",
            **{
                f"base64-{before}": base64.b64encode(b"." * before + text.encode() + b"=" * 4)
                for before in range(3)
                for text in (f"{ADDRESS} {STRANGE}",)
            },
            "sockaddr": b"\x02\x00\x01\xbb\xcb\x00\x71\x5b",
            "mapped": bytes(10) + b"\xff\xff\xcb\x00\x71\x5b",
        }
        for name, content in files.items():
            machine.run("tee", f"{FOLDER}/{name}", stdin=content)
        machine.run("truncate", "--size=64M", f"{FOLDER}/holes")
        machine.run("tee", "--append", f"{FOLDER}/holes", stdin=ADDRESS.encode())
        machine.run("touch", f"{FOLDER}/{ADDRESS}")
        machine.run("ln", "-s", STRANGE, f"{FOLDER}/link")
        machine.run("logger", "--", *TEXTS)
        arguments = ["sh", "-c", "sleep 60", *TEXTS]
        machine.run("systemd-run", "--collect", f"--unit={UNIT}", *arguments)
        stack.callback(machine.run, "systemctl", "stop", UNIT)
        yield search(machine, PLANTED)


@pytest.mark.parametrize("secret", PLANTED, ids=NAMES)
@pytest.mark.parametrize("place", ["plain", "packed.gz", "journal"])
def test_every_kind(place: str, secret: Secret, found: Found) -> None:
    """In a file, packed or not, and a line of the journal."""
    document = place if place == "journal" else f"{FOLDER}/{place}"
    assert (document, secret.kind, secret.value) in _all(found)


@pytest.mark.parametrize("secret", PLANTED, ids=NAMES)
def test_arguments(secret: Secret, found: Found) -> None:
    """Of a process."""
    assert ("process sh cmdline", secret.kind, secret.value) in _all(found)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("capitals", ADDRESS),
        ("capitals", STRANGE),
        ("base64-0", ADDRESS),
        ("base64-1", ADDRESS),
        ("base64-2", ADDRESS),
        ("base64-0", STRANGE),
        ("base64-1", STRANGE),
        ("base64-2", STRANGE),
        ("hex", IPV4),
        ("sockaddr", IPV4),
        ("mapped", IPV4),
        ("holes", ADDRESS),
    ],
    ids=lambda value: "unmarked" if value == STRANGE else "marked" if value == ADDRESS else value,
)
def test_other_forms(place: str, value: str, found: Found) -> None:
    """Capital letters, base64, numbers of socket addresses, a file with holes."""
    assert value in {text for where, _, text in _all(found) if where == f"{FOLDER}/{place}"}


def test_names(found: Found) -> None:
    """Of files, and of what a link leads to."""
    assert (f"name {FOLDER}/{ADDRESS}", "address", ADDRESS) in _all(found)
    assert (f"name {FOLDER}/link", "address", STRANGE) in _all(found)


def test_metrics(found: Found) -> None:
    """They are read."""
    assert {"metrics", "journal"} <= found.documents


def test_all_of_it_is_a_fault(found: Found) -> None:
    """No place allows it."""
    assert len(faults(found.finds, found.accounts)) == len(found.finds)


def _all(found: Found) -> set[tuple[str, str, str]]:
    # a marked secret is found in lower case
    values = {secret.value.lower(): secret.value for secret in PLANTED}
    return {(one.place, one.kind, values[one.value.lower()]) for one in found.finds}
