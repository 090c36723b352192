"""The media relay tells nobody who calls, and is there whenever the machine has a network."""

from nixtest.relay import Describe, Relay


def test_no_file_says_who_calls(default: Relay) -> None:
    """Without a place for its log, coturn opens a file."""
    lines = default.files()["/etc/turnserver.conf"].splitlines()

    assert {"syslog", "no-stdout-log"} <= set(lines)
    assert [line for line in lines if line.startswith(("log-file", "verbose"))] == []
    unit = default.units["coturn"]["serviceConfig"]
    assert unit["LogLevelMax"] == "warning"
    assert "AF_UNIX" in unit["RestrictAddressFamilies"]


def test_it_waits_for_a_network(describe: Describe) -> None:
    """It ends on a machine without addresses, and NixOS starts it again after a crash alone."""
    operator = """
    { lib, ... }: { systemd.services.coturn.serviceConfig.Restart = "on-abort"; }
    """
    unit = describe(operator=operator).units["coturn"]["serviceConfig"]

    assert (unit["Restart"], unit["RestartMaxDelaySec"]) == ("always", "60s")
