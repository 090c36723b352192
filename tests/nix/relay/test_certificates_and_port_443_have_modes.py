"""What the kind of domain, the certificate and `web.port443` change in a relay."""

import re

import pytest
from nixtest.relay import DOMAIN, Describe

ADDRESS = "192.0.2.1"
FILES = {"certificateFile": "/c.pem", "keyFile": "/k.pem"}


def test_a_domain_name_gets_its_certificate_by_acme(describe: Describe) -> None:
    """The daemons read it where NixOS' ACME module writes it."""
    relay = describe()

    assert (relay.settings["tls"]["mode"], relay.settings["tls"]["trusted"]) == ("acme", True)
    assert relay.postfix["smtpd_tls_chain_files"][:1] == ["/var/lib/acme/chat.example.org/key.pem"]


def test_certificate_files_are_copied_and_watched(describe: Describe) -> None:
    """A replaced certificate is used without a restart by the operator."""
    relay = describe({"tls": FILES})

    kept = "/var/lib/chatmail/tls"
    assert relay.postfix["smtpd_tls_chain_files"] == [f"{kept}/key.pem", f"{kept}/fullchain.pem"]
    watch = relay.config["systemd"]["paths"]["chatmail-certificate"]
    assert watch["pathConfig"]["PathChanged"] == ["/c.pem", "/k.pem"]
    copy = relay.units["chatmail-certificate"]
    assert (copy["environment"]["CERTIFICATE"], copy["environment"]["KEY"]) == tuple(FILES.values())


def test_a_domain_with_an_underscore_gets_a_self_signed_certificate(describe: Describe) -> None:
    """It publishes no MTA-STS policy, because nobody can verify the certificate."""
    relay = describe({"domain": f"_{DOMAIN}"})
    names = {(record["name"], record["type"]) for record in relay.zone}

    assert (relay.settings["tls"]["mode"], relay.settings["tls"]["trusted"]) == (
        "self-signed",
        False,
    )
    assert "chatmail-certificate" in relay.units
    assert (f"_mta-sts._{DOMAIN}", "TXT") not in names
    assert (f"chatmail._domainkey._{DOMAIN}", "TXT") in names
    assert f"mta-sts._{DOMAIN}" not in relay.hosts


def test_a_relay_at_an_ip_address_has_no_zone_and_no_keys(describe: Describe) -> None:
    """Its mail domain is an address literal (RFC 5321 section 4.1.3)."""
    relay = describe({"domain": ADDRESS})

    assert f"[{ADDRESS}]" == relay.settings["mailDomain"]
    assert relay.postfix["myhostname"] == "1.2.0.192.in-addr.arpa"
    assert f"[{ADDRESS}]" == relay.postfix["smtp_helo_name"]
    assert relay.settings["dkim"]["enable"] is False
    assert relay.zone == []
    assert list(relay.hosts) == [ADDRESS]
    assert "ExecStartPre" not in relay.units["chatmail-filter"]["serviceConfig"]


def test_a_relay_at_an_ipv4_address_sends_over_ipv4(describe: Describe) -> None:
    """Receivers compare its domain, an IPv4 address, with the client's IP address."""
    for domain, args in ((ADDRESS, ["-o", "inet_protocols=ipv4"]), (DOMAIN, None)):
        master = describe({"domain": domain}).config["services"]["postfix"]["settings"]["master"]

        assert args == master["smtp"].get("args")
        assert args == master["smtp-https"].get("args")


def test_one_listener_accepts_xclient(describe: Describe) -> None:
    """chatmail-transport uses it, on the loopback interface."""
    settings = describe().config["services"]["postfix"]["settings"]
    listeners = [
        name
        for name, service in settings["master"].items()
        if any("xclient" in argument for argument in service.get("args", []))
    ]

    assert listeners == ["127.0.0.1:10026"]
    assert "smtpd_authorized_xclient_hosts" not in settings["main"]
    assert "smtpd_authorized_xforward_hosts" not in settings["main"]


def test_port_443_is_shared_by_alpn(describe: Describe) -> None:
    """The web server gets the connection itself, Dovecot the IP address by PROXY protocol."""
    nginx = describe().config["services"]["nginx"]
    listeners = {
        (listen["addr"], listen["port"], listen.get("proxyProtocol", False))
        for host in nginx["virtualHosts"].values()
        for listen in host["listen"]
    }

    assert {
        ("0.0.0.0", 80, False),
        ("[::]", 80, False),
        ("unix:/run/nginx/https.sock", None, False),
    } == listeners
    assert "ssl_preread on;" in nginx["streamConfig"]
    assert "pass $chatmail_service;" in nginx["streamConfig"]
    assert nginx["streamConfig"].count("proxy_protocol") == 1


def test_web_only_leaves_the_listeners_to_nginx(describe: Describe) -> None:
    """autoconfig does not offer IMAP and SMTP on port 443 then."""
    relay = describe({"web": {"port443": "web-only"}})

    assert ":443" not in relay.config["services"]["nginx"]["streamConfig"]
    assert all("listen" not in host for host in relay.hosts.values())
    assert "<port>443</port>" not in relay.files()["/etc/chatmail/autoconfig.xml"]


def test_off_listens_on_loopback_only(describe: Describe) -> None:
    """Another web server has the web ports."""
    relay = describe({"web": {"port443": "off"}})
    listeners = {listen["addr"] for host in relay.hosts.values() for listen in host["listen"]}

    assert {"127.0.0.1"} == listeners
    assert ":443" not in relay.config["services"]["nginx"]["streamConfig"]


@pytest.mark.parametrize("mode", ["shared", "web-only", "off"])
def test_every_server_of_nginx_has_a_listen_line(describe: Describe, mode: str) -> None:
    """A server without one listens on all addresses: port 80 as root, port 8000 on NixOS."""
    written = describe({"web": {"port443": mode}}).files()["/etc/nginx/nginx.conf"]
    http = written.split("http {")[1].split("stream {")[0]
    servers = re.split(r"(?m)^ *server \{$", http)[1:]

    assert len(servers) >= 3
    assert [server for server in servers if "listen " not in server] == []


def test_a_disabled_feature_leaves_nothing(describe: Describe) -> None:
    """It has neither a unit nor a setting."""
    imap = {"instantIdle": False, "smallSessions": False}
    relay = describe({"turn": {"enable": False}, "imap": imap})

    assert "coturn" not in relay.config["services"]
    assert "chatmail-turn-secret" not in relay.units
    assert "small-sessions" not in relay.files()["/etc/dovecot/dovecot.conf"]


def test_persistent_files_are_in_the_state_directory(describe: Describe) -> None:
    """Also in another one than the default."""
    relay = describe({"stateDir": "/srv/mail"})
    rules = relay.config["systemd"]["tmpfiles"]["settings"]["10-chatmail"]

    assert all(path == "/srv/mail" or path.startswith("/srv/mail/") for path in rules)
    assert "/var/lib/chatmail" not in "".join(relay.files().values())
