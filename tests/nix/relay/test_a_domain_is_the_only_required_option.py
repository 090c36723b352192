"""A relay with a domain and no other option."""

import json
import pathlib

from nixtest.checkout import CHECKOUT
from nixtest.relay import DOMAIN, Relay

# units that have a capability; chatmail-connections loads rules of nftables
CAPABILITIES = {
    "chatmail-connections": "CAP_NET_ADMIN",
    "chatmail-forward": "CAP_NET_BIND_SERVICE",
}


def test_no_assertion_fails(default: Relay) -> None:
    """No other option is required."""
    assert default.failures == []


def test_chatmaild_is_tested_with_these_settings(default: Relay) -> None:
    """chatmaild's unit tests use the default settings."""
    fixture = CHECKOUT / "pkgs/chatmaild/tests/settings.json"
    expected = {key: value for key, value in default.settings.items() if key != "dns"}

    assert expected == json.loads(fixture.read_text()), (
        "out of date: run UPDATE_GOLDEN=1 pytest tests/nix"
    )


def test_limits_are_those_that_clients_expect(default: Relay) -> None:
    """And other relays."""
    settings = default.settings

    assert (
        settings["accounts"]["userNameMinLength"],
        settings["accounts"]["userNameMaxLength"],
        settings["accounts"]["passwordMinLength"],
    ) == (9, 9, 9)
    assert (
        settings["mail"]["maxMessageBytes"],
        settings["mail"]["maxRecipients"],
        settings["mail"]["messagesPerMinute"],
        settings["mail"]["messageBurst"],
        settings["mail"]["bounceAfterDays"],
    ) == (31457280, 1000, 60, 10, 2)
    assert (
        settings["retention"]["deleteAfterDays"],
        settings["retention"]["deleteLargeAfterDays"],
        settings["retention"]["largeMessageBytes"],
        settings["retention"]["deleteInactiveAfterDays"],
        settings["retention"]["quotaMegabytes"],
    ) == (20, 7, 200000, 90, 500)


def test_the_settings_file_is_what_chatmaild_reads(default: Relay) -> None:
    """/etc/chatmail/settings.json has the settings, and nothing else."""
    file = pathlib.PurePosixPath("/etc/chatmail/settings.json")

    assert default.settings == json.loads(default.files()[str(file)])


def test_the_zone_has_every_record(default: Relay) -> None:
    """RFC 5321, 6376, 7208, 7489, 8461, 8659, 6186."""
    required = {(r["name"], r["type"]) for r in default.zone if r["required"]}
    others = {(r["name"], r["type"]) for r in default.zone if not r["required"]}

    assert {
        (DOMAIN, "A"),
        (DOMAIN, "MX"),
        (f"chatmail._domainkey.{DOMAIN}", "TXT"),
        (f"_mta-sts.{DOMAIN}", "TXT"),
        (f"mta-sts.{DOMAIN}", "CNAME"),
        (f"www.{DOMAIN}", "CNAME"),
    } == required
    assert {
        (DOMAIN, "AAAA"),
        (DOMAIN, "TXT"),
        (DOMAIN, "CAA"),
        (f"_dmarc.{DOMAIN}", "TXT"),
        (f"_adsp._domainkey.{DOMAIN}", "TXT"),
        (f"_submission._tcp.{DOMAIN}", "SRV"),
        (f"_submissions._tcp.{DOMAIN}", "SRV"),
        (f"_imap._tcp.{DOMAIN}", "SRV"),
        (f"_imaps._tcp.{DOMAIN}", "SRV"),
    } == others


def test_our_services_are_sandboxed(default: Relay) -> None:
    """Our units have no capabilities, a read-only file system and a user of their own."""
    ours = {name: unit for name, unit in default.units.items() if name.startswith("chatmail-")}
    sandboxed = {
        name
        for name, unit in ours.items()
        if unit["serviceConfig"].get("CapabilityBoundingSet") == CAPABILITIES.get(name, "")
        and unit["serviceConfig"].get("ProtectSystem") == "strict"
        and unit["serviceConfig"].get("NoNewPrivileges") is True
        and (
            unit["serviceConfig"].get("User") not in (None, "root")
            or unit["serviceConfig"].get("DynamicUser") is True
        )
    }

    assert set(ours) == sandboxed
