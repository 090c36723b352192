"""services.nginx as nginx.conf."""

from typing import Any

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.render.nginx import nginx_conf

TLS = {"sslCertificate": "/c.pem", "sslCertificateKey": "/k.pem"}


def _lines(hosts: dict[str, Any], **more: Any) -> list[str]:
    text = nginx_conf({"virtualHosts": hosts, **more})
    return [line.strip() for line in text.splitlines()]


def test_a_host_with_forced_tls_redirects_and_serves() -> None:
    """Two servers: port 80 redirects to port 443."""
    lines = _lines({"a.test": {"forceSSL": True, **TLS, "locations": {"/": {"return": "204"}}}})

    assert [line for line in lines if line.endswith(":80;")] == [
        "listen 0.0.0.0:80;",
        "listen [::0]:80;",
    ]
    assert "return 301 https://$host$request_uri;" in lines
    assert [line for line in lines if line.endswith(" ssl;")] == [
        "listen 0.0.0.0:443 ssl;",
        "listen [::0]:443 ssl;",
    ]
    assert lines.count("server_name a.test;") == 2


def test_explicit_listeners_are_kept() -> None:
    """Parameters are in NixOS' order."""
    listen = {"addr": "127.0.0.1", "port": 8443, "ssl": True, "proxyProtocol": True}
    lines = _lines({"a.test": {"onlySSL": True, "default": True, "listen": [listen], **TLS}})

    assert [line for line in lines if line.startswith("listen")] == [
        "listen 127.0.0.1:8443 ssl default_server proxy_protocol;"
    ]


def test_locations_come_by_priority_then_by_name() -> None:
    """NixOS sorts them so."""
    locations = {"/b": {"return": "1"}, "/a": {"return": "2"}, "/z": {"return": "3", "priority": 1}}
    lines = _lines({"a.test": {"locations": locations}})

    assert [line for line in lines if line.startswith("location")] == [
        "location /z {",
        "location /a {",
        "location /b {",
    ]


def test_the_stream_is_there_only_with_content() -> None:
    """An empty block is omitted."""
    assert "stream {" not in _lines({})
    assert "stream {" in _lines({}, streamConfig="server { listen 443; }")


@pytest.mark.parametrize(
    "nginx",
    [
        {"proxyCachePath": {}},
        {"virtualHosts": {"a.test": {"basicAuth": {}}}},
        {"virtualHosts": {"a.test": {"locations": {"/": {"fastcgiParams": {}}}}}},
    ],
)
def test_an_unknown_option_is_refused(nginx: dict[str, Any]) -> None:
    """In nginx, in a host, in a location."""
    with pytest.raises(LabError, match="cannot render"):
        nginx_conf(nginx)
