"""coturn logs no calls, and runs whenever the machine has a network."""

from nixtest.relay import Describe, Relay


def test_coturn_writes_no_log_file(default: Relay) -> None:
    """coturn opens a log file if nothing else is configured."""
    lines = default.files()["/etc/turnserver.conf"].splitlines()

    assert {"syslog", "no-stdout-log"} <= set(lines)
    assert [line for line in lines if line.startswith(("log-file", "verbose"))] == []
    unit = default.units["coturn"]["serviceConfig"]
    assert unit["LogLevelMax"] == "warning"
    assert "AF_UNIX" in unit["RestrictAddressFamilies"]


def test_it_waits_for_a_network(describe: Describe) -> None:
    """coturn exits without an IP address, and NixOS restarts it after a crash only."""
    operator = """
    { lib, ... }: { systemd.services.coturn.serviceConfig.Restart = "on-abort"; }
    """
    unit = describe(operator=operator).units["coturn"]["serviceConfig"]

    assert (unit["Restart"], unit["RestartMaxDelaySec"]) == ("always", "60s")
