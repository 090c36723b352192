"""Ports 443 and 80 serve pages in the browser's language, autoconfig and MTA-STS."""

from __future__ import annotations

import http.client
import re
from xml.etree import ElementTree as ET

import dns.resolver
import pytest
from chatmail_testkit.relays.target import Target
from chatmail_testkit.waiting import ANSWER_S
from chatmail_testkit.web.client import request


@pytest.fixture
def domain(target: Target) -> str:
    """The first relay."""
    return target.relays[0]


@pytest.mark.parametrize("path", ["/", "/info.html", "/privacy.html", "/delete.html"])
@pytest.mark.parametrize(("wish", "language"), [("pl,en;q=0.5", "pl"), ("ja", "en")])
def test_pages_follow_accept_language(
    target: Target, domain: str, path: str, wish: str, language: str
) -> None:
    """RFC 9110 section 12.5.4; English otherwise."""
    answer = request(target, "GET", domain, path, headers=[("Accept-Language", wish)])

    assert answer.status == 200
    assert f'<html lang="{language}">'.encode() in answer.body
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")


def test_the_home_page_has_the_invite_link(target: Target, domain: str) -> None:
    """And the picture of its QR code."""
    page = request(target, "GET", domain, "/en/").body.decode()
    code = request(target, "GET", domain, f"/qr-chatmail-invite-{domain}.svg")

    assert f'href="DCACCOUNT:https://{domain}/new"' in page
    assert f'src="/qr-chatmail-invite-{domain}.svg"' in page
    assert (code.status, code.headers["content-type"]) == (200, "image/svg+xml")


def test_an_unknown_page_is_404(target: Target, domain: str) -> None:
    """In the browser's language."""
    answer = request(target, "GET", domain, "/nothing", headers=[("Accept-Language", "de")])

    assert answer.status == 404
    assert "Seite nicht gefunden" in answer.body.decode()


def test_autoconfig_lists_the_best_server_first(target: Target, domain: str) -> None:
    """Delta Chat tries them in this order."""
    answer = request(target, "GET", domain, "/.well-known/autoconfig/mail/config-v1.1.xml")
    provider = ET.fromstring(answer.body).find("emailProvider")
    assert provider is not None
    servers = [
        (server.get("type"), server.findtext("port"), server.findtext("socketType"))
        for server in provider
        if server.tag.endswith("Server")
    ]

    assert servers == [
        ("imap", "993", "SSL"),
        ("imap", "143", "STARTTLS"),
        ("imap", "443", "SSL"),
        ("smtp", "465", "SSL"),
        ("smtp", "587", "STARTTLS"),
        ("smtp", "443", "SSL"),
    ]


def test_mta_sts_has_the_policy(target: Target, domain: str) -> None:
    """On its own host name (RFC 8461 section 3.2)."""
    answer = request(target, "GET", f"mta-sts.{domain}", "/.well-known/mta-sts.txt")
    policy = f"version: STSv1\r\nmode: enforce\r\nmx: {domain}\r\nmax_age: 2419200\r\n"

    [record] = dns.resolver.resolve(f"_mta-sts.{domain}", "TXT", lifetime=10)

    assert answer.body.decode() == policy
    assert re.fullmatch(rb"v=STSv1; ?id=[0-9A-Za-z]{1,32};?", b"".join(record.strings))


def test_robots_txt_excludes_search_engines(target: Target, domain: str) -> None:
    """RFC 9309."""
    answer = request(target, "GET", domain, "/robots.txt")

    assert answer.body == b"User-agent: *\nDisallow: /\n"


def test_other_names_and_ports_redirect(target: Target, domain: str) -> None:
    """`www.`, and port 80."""
    www = request(target, "GET", f"www.{domain}", "/info.html")
    connection = http.client.HTTPConnection(target.host(domain), 80, timeout=ANSWER_S)
    connection.request("GET", "/info.html")
    plain = connection.getresponse()
    connection.close()

    assert (www.status, www.headers["location"]) == (301, f"https://{domain}/info.html")
    assert (plain.status, plain.headers["location"]) == (301, f"https://{domain}/info.html")
    machine = target.machine(domain)
    assert machine is None or machine.run("sh", "-c", "cat /var/log/nginx/access.log*") == ""


def test_the_server_hides_its_version(target: Target, domain: str) -> None:
    """And its modules."""
    assert request(target, "GET", domain, "/").headers["server"] == "nginx"
