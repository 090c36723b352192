"""`chatmail dns`."""

import json
import pathlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.rrset
import pytest

from chatmaild.dkim import keys
from chatmaild.operator import dns as work
from chatmaild.operator.authority import Authority
from chatmaild.operator.dnscheck.here import Here, acme_accounts
from chatmaild.settings import Settings

from .conftest import Chatmail

ZONE = [
    {"name": "chat.example.org", "type": "A", "required": True, "value": None},
    {"name": "chat.example.org", "type": "MX", "required": True, "value": "10 chat.example.org."},
    {
        "name": "chatmail._domainkey.chat.example.org",
        "type": "TXT",
        "required": True,
        "dkimSelector": "chatmail",
    },
    {"name": "_dmarc.chat.example.org", "type": "TXT", "required": False, "value": "v=DMARC1;p=x"},
]


@pytest.fixture
def settings_json(settings_json: dict[str, Any]) -> dict[str, Any]:
    """Settings with a small zone."""
    return settings_json | {"dns": ZONE}


def test_the_zone_is_printed_with_the_key(chatmail: Chatmail, settings: Settings) -> None:
    """Long TXT records are split at 255 characters, or in one piece with --plain."""
    keys.ensure_keys(settings)

    _, mx, dkim, dmarc = chatmail("dns")[1]

    assert mx == "chat.example.org. 3600 IN MX 10 chat.example.org."
    assert dkim.startswith('chatmail._domainkey.chat.example.org. 3600 IN TXT "v=DKIM1;k=rsa;p=')
    assert all(len(piece) <= 255 for piece in dkim.split('"')[1::2])
    assert dmarc == '_dmarc.chat.example.org. 3600 IN TXT "v=DMARC1;p=x"'
    plain = chatmail("dns", "--plain")[1][2]
    assert plain.endswith(";s=email;t=s")
    assert '"' not in plain


def test_a_missing_key_is_one_line(chatmail: Chatmail) -> None:
    """It is made when the filter first starts."""
    code, (line,) = chatmail("dns")

    assert code == 1
    assert "start chatmail-filter.service" in line


@pytest.fixture
def name_server() -> Iterator[tuple[dict[tuple[str, str], list[str]], Authority]]:
    """A real name server on loopback with the records of a dictionary."""
    zone: dict[tuple[str, str], list[str]] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, peer = server.recvfrom(4096)
                if data == b"stop":
                    return
                query = dns.message.from_wire(data)
                answer = dns.message.make_response(query)
                question = query.question[0]
                kind = dns.rdatatype.to_text(question.rdtype)
                values = zone.get((question.name.to_text(omit_final_dot=True), kind))
                if values:
                    answer.answer.append(
                        dns.rrset.from_text(question.name, 60, "IN", kind, *values)
                    )
                server.sendto(answer.to_wire(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        yield zone, Authority(zone="chat.example.org.", addresses=("127.0.0.1",), port=port)
        server.sendto(b"stop", ("127.0.0.1", port))
        thread.join()


def test_the_published_zone_is_compared(
    settings: Settings, name_server: tuple[dict[tuple[str, str], list[str]], Authority]
) -> None:
    """ok, missing and differs; a split TXT record is the same as a whole one."""
    here = Here(sources={"A": "192.0.2.7"}, has=lambda address: address == "192.0.2.7")
    keys.ensure_keys(settings)
    zone, authority = name_server
    records = work.records(settings)
    dkim = records[2].value or ""
    zone["chat.example.org", "A"] = ["192.0.2.7"]
    zone["chat.example.org", "MX"] = ["10 elsewhere.example.org."]
    zone["chatmail._domainkey.chat.example.org", "TXT"] = [work.quoted(dkim)]

    findings = work.check(records, authority.ask, here)

    assert [finding.state for finding in findings] == ["ok", "differs", "ok", "missing"]
    assert findings[1].line() == (
        "differs  required     chat.example.org MX, expected: 10 chat.example.org.,"
        " published: 10 elsewhere.example.org."
    )


def test_the_account_at_the_authority_is_printed(
    settings_json: dict[str, Any], tmp_path: pathlib.Path
) -> None:
    """CAA then lets no other account order a certificate (RFC 8657)."""
    settings_json["dns"] = [
        {"name": "x.org", "type": "CAA", "required": False, "value": '0 issue "letsencrypt.org"'}
    ]
    settings_json["tls"] |= {"mode": "acme", "certificateFile": str(tmp_path / "x.org/full.pem")}
    accounts = tmp_path / ".lego/accounts/1234/ca/mail"
    accounts.mkdir(parents=True)
    (accounts / "account.json").write_text('{"registration": {"uri": "https://ca.example/1"}}')

    (record,) = work.records(Settings.from_json(settings_json))

    assert record.value == '0 issue "letsencrypt.org;accounturi=https://ca.example/1"'


def test_only_the_account_that_orders_is_printed(
    settings_json: dict[str, Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one that an import has replaced, nor one of another site."""
    settings_json["tls"] |= {"mode": "acme", "certificateFile": str(tmp_path / "x.org/full.pem")}
    facts = {
        "server": "https://ca.example/directory",
        "email": "a@x.org",
        "accounts": str(tmp_path / ".lego/accounts/1234"),
        "user": "acme",
        "unit": "acme-order-renew-x.org.service",
        "lego": "/bin/lego",
    }
    (tmp_path / "acme.json").write_text(json.dumps(facts))
    monkeypatch.setattr("chatmaild.operator.acme.orders.FACTS", tmp_path / "acme.json")
    for number, name in enumerate(("1234/ca.example/a@x.org", "1234/ca.example/a@x.org.replaced")):
        home = tmp_path / ".lego/accounts" / name
        home.mkdir(parents=True)
        document = {"registration": {"uri": f"https://ca.example/{number}"}}
        (home / "account.json").write_text(json.dumps(document))

    assert acme_accounts(Settings.from_json(settings_json)) == ("https://ca.example/0",)
