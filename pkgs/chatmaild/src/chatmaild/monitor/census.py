"""The hourly count: addresses by kind and last login, and the end of the certificate."""

import os
import socket
import ssl
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from cryptography import x509

from chatmaild.logs import log_error
from chatmaild.metrics import numbers
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import DAY_S, PASSWORD, account_of

ACTIVE_DAYS: Final = (1, 7, 30)
TIMEOUT_S: Final = 10.0
HOST: Final = "127.0.0.1"


def run(settings: Settings) -> None:
    """Write both files; a front has no addresses, and a store no certificate.

    Raises:
        OSError: the mail directory cannot be read, or a file cannot be written.
    """
    role = settings.cluster.role
    if role != "front":
        content = tally(logins(Path(settings.directories.mail)), time.time())
        numbers.write(settings, numbers.ADDRESSES, content)
    if role != "store":
        _look_at_certificate(settings)


def _look_at_certificate(settings: Settings) -> None:
    try:
        expires_s = expiry_s(shown_certificate(settings.domain, settings.ports.imaps))
    except (OSError, ValueError) as error:
        log_error("certificate", error)
        return
    numbers.write(settings, numbers.CERTIFICATE, {"expires_s": expires_s})


def logins(directory: Path) -> Iterable[tuple[bool, float]]:
    """Yield for each address whether tests made it, and the day of its last login.

    Raises:
        OSError: the directory cannot be read.
    """
    with os.scandir(directory) as entries:
        for entry in entries:
            if "@" not in entry.name:
                continue
            try:
                last_s = os.stat(f"{entry.path}/{PASSWORD}").st_mtime  # noqa: PTH116 - 200,000 times
            except OSError:
                continue
            if account_of(entry.name) is not None:
                yield entry.name.startswith("ci-"), last_s


def tally(found: Iterable[tuple[bool, float]], now_s: float) -> dict[str, Any]:
    """Return counts by kind, and by logins within 1, 7 and 30 days."""
    kinds: Counter[str] = Counter(user=0, ci=0)
    active: Counter[int] = Counter()
    for is_test, last_s in found:
        kinds["ci" if is_test else "user"] += 1
        # the start of the day is stored
        active.update(days for days in ACTIVE_DAYS if now_s - last_s < (days + 1) * DAY_S)
    return {
        "counted_s": int(now_s),
        "kinds": dict(kinds),
        "active": {str(days): active[days] for days in ACTIVE_DAYS},
    }


def shown_certificate(domain: str, port: int) -> bytes:
    """Return the certificate that clients get, as DER.

    Raises:
        OSError: no handshake in 10 s.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection((HOST, port), TIMEOUT_S) as plain,
        context.wrap_socket(plain, server_hostname=domain) as secure,
    ):
        return secure.getpeercert(binary_form=True) or b""


def expiry_s(certificate: bytes) -> int:
    """Return the end of its validity in Unix seconds.

    Raises:
        ValueError: it cannot be read.
    """
    return int(x509.load_der_x509_certificate(certificate).not_valid_after_utc.timestamp())
