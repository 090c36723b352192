"""`cmrelayinfo`, which lists of relays are made with, reads what a relay offers to clients."""

from __future__ import annotations

import json
from pathlib import Path

from chatmail_testkit.relays.target import Target

from probers.programs import Prober, make_profile

TIMEOUT = ("--timeout", "50")  # its default of 30 s is short on a busy machine
MIB = 1024 * 1024
# cmrelayinfo 0.2.1 configures a new profile a second time, which core 2.65 (not 2.59) refuses for
# every relay. The profile is complete nevertheless: the next run uses it.
CONFIGURED_TWICE = "Missing email address."


def test_two_relays(
    run: Prober, target: Target, tmp_path: Path, relay: str, untrusted: str
) -> None:
    """It creates a profile at the one with `_`; for the other one a profile is prepared.

    It cannot read a relay that has only an IP address: its link names no server, so that core looks
    for autoconfiguration until the time is over.
    """
    make_profile(tmp_path / "cmrelayinfo" / "accounts" / relay, target, relay)

    first = run("cmrelayinfo", *TIMEOUT, untrusted)
    second = run("cmrelayinfo", *TIMEOUT, "--json", untrusted, relay)

    head, row = first.stdout.splitlines()
    assert head.split() == ["RELAY", "IROH", "TURN", "MAXRCPT", "MAXMSG", "QUOTA", "ADMIN"]
    assert row.split("  ")[0] == untrusted
    assert first.returncode == 0 or row.endswith(f"ERROR: {CONFIGURED_TWICE}"), row
    assert second.returncode == 0, second.stdout + second.stderr
    assert "# profiles: 0 created, 2 reused" in second.stderr
    found = {row["relay"]: row for row in map(json.loads, second.stdout.splitlines())}
    assert found.keys() == {untrusted, relay}
    for domain, offered in found.items():
        assert _known(offered) == {
            "ok": True,
            # iroh-relay needs a trusted certificate
            "iroh_relay": f"https://{domain}" if domain == relay else None,
            "turn_reachable": True,
            "maxsmtprecipients": 1000,
            "max_message_size": 30 * MIB,
            "max_message_error": None,
            "quota": {"storage_used_kb": 0, "storage_limit_kb": 500 * 1024},
            "admin": "mailto:privacy@lab.test",
        }
        assert (offered["turn"]["host"], offered["turn"]["port"]) == (domain, 3478)


def _known(offered: dict[str, object]) -> dict[str, object]:
    """Without what differs from run to run."""
    differs = {"relay", "via", "fetched_at", "iroh_reachable", "iroh_error", "turn", "turn_error"}
    return {name: value for name, value in offered.items() if name not in {*differs, "comment"}}
