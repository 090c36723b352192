"""Fuzz the parser of mailboxes and paths.

    pip install atheris
    export PYTHONPATH=src:tests
    python fuzz/fuzz_addresses.py -max_len=400 -max_total_time=600

Fails on an exception, on an address that could leave the mail directory or does not parse to
itself, on a mailbox whose quoted form (as Postfix writes it) parses differently, and if one input
takes 0.2 seconds.
"""

# mypy: disable-error-code="import-not-found,import-untyped"

import sys
import time

import atheris

with atheris.instrument_imports(include=["chatmaild"]):
    from chatmaild.address import Address, address_or_none
    from chatmaild.filter.envelope import read_mailbox, read_path, read_resolved_path

DOMAINS = ("b.test", "[192.0.2.7]")
SLOW_S = 0.2


def check(data: bytes) -> None:
    """Check one input."""
    domain = DOMAINS[data[0] & 1] if data else DOMAINS[0]
    path = data[1:]
    if data and data[0] & 2:
        path = path + b"@" + domain.encode()
    started_s = time.process_time()
    found = read_path(path, domain)
    if time.process_time() - started_s > SLOW_S:
        raise RuntimeError("slow")
    if found is None:
        return
    if isinstance(found, Address):
        name = str(found.account)
        if "/" in name or name.strip(".") == "" or not name.isascii() or " " in name:
            raise RuntimeError("an address that is not a directory name")
        if address_or_none(str(found)) != found or found.domain != domain:
            raise RuntimeError("an address does not parse to itself")
    elif found.domain == domain:
        raise RuntimeError("a remote mailbox in our domain")
    quoted = '"' + found.local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    again = read_mailbox(f"{quoted}@{found.domain}", domain)
    if again != found:
        raise RuntimeError("the quoted form is another mailbox")
    resolved = f"{quoted}@{found.domain}".encode()
    if (
        read_resolved_path(path, resolved, domain) is None
        or read_resolved_path(path, b"x" + resolved, domain) is not None
    ):
        raise RuntimeError("the comparison with the resolved path is wrong")


if __name__ == "__main__":
    atheris.Setup(sys.argv, check)
    atheris.Fuzz()
