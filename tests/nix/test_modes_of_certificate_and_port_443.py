"""What changes with the kind of name, certificate and web server."""

import re

import pytest
from nixtest.relay import DOMAIN, Describe

ADDRESS = "192.0.2.1"
FILES = {"certificateFile": "/c.pem", "keyFile": "/k.pem"}


def test_acme_is_what_a_name_gets(describe: Describe) -> None:
    """The certificate is where NixOS' ACME puts it."""
    relay = describe()

    assert (relay.settings["tls"]["mode"], relay.settings["tls"]["trusted"]) == ("acme", True)
    assert relay.postfix["smtpd_tls_chain_files"][:1] == ["/var/lib/acme/chat.example.org/key.pem"]


def test_files_are_taken_and_watched(describe: Describe) -> None:
    """A new certificate is taken into use without anybody's help."""
    relay = describe({"tls": FILES})

    kept = "/var/lib/chatmail/tls"
    assert relay.postfix["smtpd_tls_chain_files"] == [f"{kept}/key.pem", f"{kept}/fullchain.pem"]
    watch = relay.config["systemd"]["paths"]["chatmail-certificate"]
    assert watch["pathConfig"]["PathChanged"] == ["/c.pem", "/k.pem"]
    taking = relay.units["chatmail-certificate"]
    assert (taking["environment"]["CERTIFICATE"], taking["environment"]["KEY"]) == tuple(
        FILES.values()
    )


def test_an_underscore_makes_a_self_signed_certificate(describe: Describe) -> None:
    """And no promise that a certificate can be checked."""
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


def test_an_address_makes_a_relay_without_zone_and_keys(describe: Describe) -> None:
    """RFC 5321 section 4.1.3: the domain of its mail is a literal."""
    relay = describe({"domain": ADDRESS})

    assert f"[{ADDRESS}]" == relay.settings["mailDomain"]
    assert relay.postfix["myhostname"] == "1.2.0.192.in-addr.arpa"
    assert f"[{ADDRESS}]" == relay.postfix["smtp_helo_name"]
    assert relay.settings["dkim"]["enable"] is False
    assert relay.zone == []
    assert list(relay.hosts) == [ADDRESS]
    assert "ExecStartPre" not in relay.units["chatmail-filter"]["serviceConfig"]


def test_an_address_sends_from_itself(describe: Describe) -> None:
    """The IP address proves the origin of what it sends, and its domain names IPv4."""
    for domain, args in ((ADDRESS, ["-o", "inet_protocols=ipv4"]), (DOMAIN, None)):
        master = describe({"domain": domain}).config["services"]["postfix"]["settings"]["master"]

        assert args == master["smtp"].get("args")
        assert args == master["smtp-https"].get("args")


def test_one_entrance_is_told_who_the_client_is(describe: Describe) -> None:
    """The one that our gateway uses, on the loopback interface."""
    settings = describe().config["services"]["postfix"]["settings"]
    told = [
        name
        for name, service in settings["master"].items()
        if any("xclient" in argument for argument in service.get("args", []))
    ]

    assert told == ["127.0.0.1:10026"]
    assert "smtpd_authorized_xclient_hosts" not in settings["main"]
    assert "smtpd_authorized_xforward_hosts" not in settings["main"]


def test_port_443_is_shared_by_alpn(describe: Describe) -> None:
    """The client's address goes on by PROXY protocol, and nowhere else."""
    nginx = describe().config["services"]["nginx"]
    listeners = {
        (listen["addr"], listen["port"], listen.get("proxyProtocol", False))
        for host in nginx["virtualHosts"].values()
        for listen in host["listen"]
    }

    assert {("0.0.0.0", 80, False), ("[::]", 80, False), ("unix:/run/nginx/https.sock", None, True)} == listeners
    assert "ssl_preread on;" in nginx["streamConfig"]
    assert "proxy_protocol on;" in nginx["streamConfig"]


def test_web_only_leaves_the_listeners_to_nginx(describe: Describe) -> None:
    """Then IMAP and SMTP are not offered on port 443 in autoconfig either."""
    relay = describe({"web": {"port443": "web-only"}})

    assert relay.config["services"]["nginx"]["streamConfig"] == ""
    assert all("listen" not in host for host in relay.hosts.values())
    assert "<port>443</port>" not in relay.files()["/etc/chatmail/autoconfig.xml"]


def test_off_listens_on_loopback_alone(describe: Describe) -> None:
    """Somebody else has the web ports."""
    relay = describe({"web": {"port443": "off"}})
    listeners = {listen["addr"] for host in relay.hosts.values() for listen in host["listen"]}

    assert {"127.0.0.1"} == listeners
    assert relay.config["services"]["nginx"]["streamConfig"] == ""


@pytest.mark.parametrize("mode", ["shared", "web-only", "off"])
def test_every_server_of_nginx_says_where_it_listens(describe: Describe, mode: str) -> None:
    """One that does not listens on all addresses: on port 80 as root, on port 8000 as on NixOS."""
    written = describe({"web": {"port443": mode}}).files()["/etc/nginx/nginx.conf"]
    http = written.split("http {")[1].split("stream {")[0]
    servers = re.split(r"(?m)^ *server \{$", http)[1:]

    assert len(servers) >= 3
    assert [server for server in servers if "listen " not in server] == []


def test_what_is_off_is_not_there(describe: Describe) -> None:
    """No unit, no setting of it."""
    imap = {"instantIdle": False, "smallSessions": False}
    relay = describe({"turn": {"enable": False}, "imap": imap})

    assert "coturn" not in relay.config["services"]
    assert "chatmail-turn-secret" not in relay.units
    assert "import_environment" not in relay.config["services"]["dovecot2"]["settings"]


def test_another_state_directory(describe: Describe) -> None:
    """Everything that lasts goes there."""
    relay = describe({"stateDir": "/srv/mail"})
    rules = relay.config["systemd"]["tmpfiles"]["settings"]["10-chatmail"]

    assert all(path == "/srv/mail" or path.startswith("/srv/mail/") for path in rules)
    assert "/var/lib/chatmail" not in "".join(relay.files().values())
