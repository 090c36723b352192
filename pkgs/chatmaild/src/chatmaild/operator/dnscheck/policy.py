"""The MTA-STS policy, fetched and read as senders do (RFC 8461 sections 3.2 and 3.3)."""

import http.client
import ssl
from collections.abc import Callable
from typing import Final

from chatmaild.errors import ChatmaildError
from chatmaild.operator.dnscheck.findings import Finding, good, missing, wrong
from chatmaild.operator.dnscheck.here import View
from chatmaild.operator.dnscheck.published import host
from chatmaild.settings import DnsRecord

PATH: Final = "/.well-known/mta-sts.txt"
TIMEOUT_S: Final = 10.0
_MAX_BYTES: Final = 65536

# host name -> text of its policy
Fetch = Callable[[str], str]


def fetch(name: str) -> str:
    """Return the policy of `mta-sts.DOMAIN`, over HTTPS with a checked certificate.

    Raises:
        ChatmaildError: it cannot be fetched; redirects are not followed (RFC 8461 section 3.3).
    """
    context = ssl.create_default_context()
    connection = http.client.HTTPSConnection(name, timeout=TIMEOUT_S, context=context)
    try:
        connection.request("GET", PATH)
        answer = connection.getresponse()
        if answer.status != 200:
            raise ChatmaildError(f"HTTP status {answer.status}")
        return answer.read(_MAX_BYTES).decode("utf-8", "replace")
    except ssl.SSLCertVerificationError as error:
        raise ChatmaildError(f"the certificate is not trusted: {error.verify_message}") from error
    except (OSError, http.client.HTTPException) as error:
        raise ChatmaildError(f"no answer ({type(error).__name__})") from error
    finally:
        connection.close()


def judge(view: View, get: Fetch = fetch) -> Finding:
    """Judge the policy: it can be fetched, requires TLS, and names every MX host."""
    name = f"mta-sts.{view.domain}"
    address = f"https://{name}{PATH}"
    record = DnsRecord(name=address, type="policy", required=True, value="mode: enforce")
    hint = f"`chatmail selftest` checks the web server; open {address}"
    try:
        text = get(name)
    except ChatmaildError as error:
        return missing(record, f"senders cannot fetch it: {error}", hint)
    hosts = [host(value.split()[-1]) for value in view.published.values(view.domain, "MX")]
    if problem := _problem(text, hosts):
        return wrong(record, text.split("\n"), problem, hint)
    return good(record, ())


def _problem(text: str, hosts: list[str]) -> str:
    pairs = [line.partition(":")[::2] for line in text.splitlines() if line.strip()]
    fields = [(key.strip(), value.strip()) for key, value in pairs]
    facts = dict(fields)
    patterns = [value.lower() for key, value in fields if key == "mx"]
    if facts.get("version") != "STSv1" or not facts.get("max_age", "").isdecimal():
        return "malformed: senders ignore it"
    if facts.get("mode") != "enforce":
        return f"mode {facts.get('mode')}: senders may send without TLS"
    unnamed = [name for name in hosts if not any(_matches(name, p) for p in patterns)]
    return f"it does not name {', '.join(unnamed)}: senders skip this host" if unnamed else ""


def _matches(name: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:]
    return name == pattern
