"""A name server for `test.` with DNSSEC signatures (RFC 4035)."""

import contextlib
import datetime
import socket
import threading
from collections.abc import Iterator

import dns.dnssec
import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec
from dns.dnssectypes import Algorithm

ZONE = """
@ 60 IN SOA ns.test. nobody.test. 1 60 60 60 60
@ 60 IN NS ns.test.
ns 60 IN A 127.0.0.1
time 60 IN A 192.0.2.123
www 60 IN A 192.0.2.80
"""


@contextlib.contextmanager
def signed_zone(since: datetime.datetime) -> Iterator[tuple[int, str]]:
    """Serve the zone with signatures valid from `since`; gives the UDP port and the key."""
    private = ec.generate_private_key(ec.SECP256R1())
    key = dns.dnssec.make_dnskey(private.public_key(), Algorithm.ECDSAP256SHA256, 257)
    zone = dns.zone.from_text(ZONE, "test.", relativize=False)
    until = since + datetime.timedelta(days=30)
    dns.dnssec.sign_zone(zone, keys=[(private, key)], inception=since, expiration=until)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        threading.Thread(target=_serve, args=(server, zone), daemon=True).start()
        yield server.getsockname()[1], f"test. DNSKEY {key}"


def _serve(server: socket.socket, zone: dns.zone.Zone) -> None:
    with contextlib.suppress(OSError):  # the socket is closed at the end
        while True:
            query, client = server.recvfrom(4096)
            server.sendto(_answer(dns.message.from_wire(query), zone).to_wire(), client)


def _answer(query: dns.message.Message, zone: dns.zone.Zone) -> dns.message.Message:
    response = dns.message.make_response(query)
    response.flags |= dns.flags.AA
    question = query.question[0]
    for covers in (dns.rdatatype.NONE, question.rdtype):
        kind = question.rdtype if covers == dns.rdatatype.NONE else dns.rdatatype.RRSIG
        found = zone.get_rdataset(question.name, kind, covers)
        if found is not None:
            response.answer.append(dns.rrset.from_rdata_list(question.name, 60, list(found)))
    return response
