"""Each alert fires when it must, and none while the relay is well (promtool, of Prometheus)."""

import json
import pathlib
import shutil
import subprocess
from typing import Any

import pytest
from nixtest.checkout import CHECKOUT

RULES = CHECKOUT / "pkgs" / "chatmail-monitoring" / "alerts.json"
INSTANCE = 'instance="relay:8700", job="chatmail"'

# series by what Prometheus calls them: value, and growth in a minute
WELL: dict[str, tuple[float, float]] = {
    "up": (1, 0),
    'chatmail_source_up{source="filter"}': (1, 0),
    'chatmail_unit_up{unit="postfix"}': (1, 0),
    'chatmail_store_up{store="store1"}': (1, 0),
    "chatmail_rebalance_failing": (0, 0),
    'chatmail_queue_oldest_age_seconds{queue="active"}': (2, 0),
    'chatmail_queue_oldest_age_seconds{queue="deferred"}': (90_000, 60),
    'chatmail_queue_messages{queue="deferred"}': (50, 0),
    'chatmail_messages_accepted_total{ingress="submission"}': (0, 100),
    'chatmail_deliveries_total{result="delivered"}': (0, 100),
    'chatmail_deliveries_total{result="failed"}': (0, 1),
    'chatmail_delivery_seconds_bucket{le="0.1"}': (0, 100),
    'chatmail_delivery_seconds_bucket{le="60"}': (0, 100),
    'chatmail_delivery_seconds_bucket{le="+Inf"}': (0, 100),
    'chatmail_refusals_total{ingress="smtp", kind="temporary", reason="internal error"}': (0, 0),
    'chatmail_dkim_verifications_total{result="pass"}': (0, 100),
    'chatmail_dkim_verifications_total{result="key_unavailable"}': (0, 1),
    'chatmail_https_out_total{outcome="delivered"}': (0, 100),
    'chatmail_https_out_total{outcome="unusable"}': (0, 10),
    "chatmail_notifications_oldest_age_seconds": (5, 0),
    'chatmail_disk_free_bytes{directory="mail"}': (50e9, 0),
    'chatmail_disk_size_bytes{directory="mail"}': (100e9, 0),
    'chatmail_disk_free_inodes{directory="mail"}': (5e6, 0),
    'chatmail_disk_inodes{directory="mail"}': (1e7, 0),
    # promtool's time begins at 0
    "chatmail_certificate_expiry_timestamp_seconds": (60 * 86400, 0),
    "chatmail_memory_available_bytes": (5e8, 0),
    "chatmail_memory_size_bytes": (1e9, 0),
    'chatmail_selftest_passed{check="dkim"}': (1, 0),
    "chatmail_selftest_timestamp_seconds": (0, 60),
    "chatmail_upgrade_passed": (1, 0),
    'chatmail_last_offer_timestamp_seconds{ingress="smtp"}': (0, 60),
    'chatmail_last_offer_timestamp_seconds{ingress="https"}': (0, 60),
    "chatmail_expire_last_success_timestamp_seconds": (0, 60),
    "chatmail_backup_last_success_timestamp_seconds": (0, 60),
    "chatmail_backup_failures_total": (3, 0),
    'chatmail_registrations_refused_total{reason="overloaded"}': (0, 0),
    "chatmail_addresses_counted_timestamp_seconds": (0, 60),
}
STILL = (0.0, 0.0)
ILL: dict[str, dict[str, tuple[float, float]]] = {
    "ChatmailPageMissing": {"up": (0, 0)},
    "ChatmailSourceDown": {'chatmail_source_up{source="filter"}': (0, 0)},
    "ChatmailUnitDown": {'chatmail_unit_up{unit="postfix"}': (0, 0)},
    "ChatmailStoreDown": {'chatmail_store_up{store="store1"}': (0, 0)},
    "ChatmailMovesFail": {"chatmail_rebalance_failing": (1, 0)},
    "ChatmailQueueStuck": {'chatmail_queue_oldest_age_seconds{queue="active"}': (900, 60)},
    "ChatmailManyDeferred": {'chatmail_queue_messages{queue="deferred"}': (1001, 0)},
    "ChatmailNothingDelivered": {
        'chatmail_deliveries_total{result="delivered"}': STILL,
        'chatmail_deliveries_total{result="failed"}': STILL,
        'chatmail_https_out_total{outcome="delivered"}': STILL,
        'chatmail_https_out_total{outcome="unusable"}': STILL,
    },
    "ChatmailDeliveriesFail": {'chatmail_deliveries_total{result="failed"}': (0, 20)},
    "ChatmailSlowDelivery": {'chatmail_delivery_seconds_bucket{le="0.1"}': (0, 50)},
    "ChatmailInternalErrors": {
        'chatmail_refusals_total{ingress="smtp", kind="temporary", reason="internal error"}': (0, 1)
    },
    "ChatmailResolverFails": {
        'chatmail_dkim_verifications_total{result="key_unavailable"}': (0, 50)
    },
    "ChatmailHttpsOutFails": {'chatmail_https_out_total{outcome="unusable"}': (0, 200)},
    "ChatmailPushLate": {"chatmail_notifications_oldest_age_seconds": (900, 60)},
    "ChatmailDiskFull": {'chatmail_disk_free_bytes{directory="mail"}': (1e9, 0)},
    "ChatmailInodesGone": {'chatmail_disk_free_inodes{directory="mail"}': (1e5, 0)},
    "ChatmailCertificateEnds": {"chatmail_certificate_expiry_timestamp_seconds": (9 * 86400, 0)},
    "ChatmailMemoryShort": {"chatmail_memory_available_bytes": (4e7, 0)},
    "ChatmailSelftestOld": {"chatmail_selftest_timestamp_seconds": (-6 * 3600, 0)},
    "ChatmailUpgradeFailed": {"chatmail_upgrade_passed": (0, 0)},
    "ChatmailNothingComesIn": {
        'chatmail_last_offer_timestamp_seconds{ingress="smtp"}': (-7 * 86400, 0)
    },
    "ChatmailSelftestFailed": {'chatmail_selftest_passed{check="dkim"}': (0, 0)},
    "ChatmailOldMailStays": {"chatmail_expire_last_success_timestamp_seconds": (-2 * 86400, 0)},
    "ChatmailBackupOld": {"chatmail_backup_last_success_timestamp_seconds": (-2 * 86400, 0)},
    "ChatmailBackupFailed": {"chatmail_backup_failures_total": (0, 1)},
    "ChatmailNoNewAddresses": {'chatmail_registrations_refused_total{reason="overloaded"}': (0, 1)},
    "ChatmailCountsOld": {"chatmail_addresses_counted_timestamp_seconds": STILL},
}
# the slowest alert is about counts that are three hours old, for half an hour
MINUTES = 240
AT = "4h"


def _series(values: dict[str, tuple[float, float]]) -> list[dict[str, str]]:
    return [
        {"series": _named(name), "values": f"{start:.0f}+{growth:.0f}x{MINUTES}"}
        for name, (start, growth) in values.items()
    ]


def _named(name: str) -> str:
    metric, brace, labels = name.partition("{")
    inner = labels.removesuffix("}")
    return f"{metric}{{{INSTANCE}{', ' + inner if brace else ''}}}"


def _alerts() -> dict[str, dict[str, Any]]:
    made = json.loads(RULES.read_text())
    return {rule["alert"]: rule for group in made["groups"] for rule in group["rules"]}


def _run(tmp_path: pathlib.Path, tests: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    file = tmp_path / "tests.json"
    file.write_text(
        json.dumps(
            {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": tests}, indent=1
        )
    )
    return subprocess.run(
        ["promtool", "test", "rules", str(file)], capture_output=True, text=True, check=False
    )


def _case(values: dict[str, tuple[float, float]], expected: list[str]) -> dict[str, Any]:
    """Expect these alerts, and that no other fires, whatever their labels."""
    return {
        "interval": "1m",
        "input_series": _series(values),
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
                "eval_time": AT,
                "exp_samples": [
                    {"labels": f'{{alertname="{name}"}}', "value": 1} for name in expected
                ],
            }
        ],
    }


def test_every_alert_has_a_case() -> None:
    """A new alert needs one."""
    assert set(ILL) == set(_alerts())


def test_a_relay_that_is_well_fires_none(tmp_path: pathlib.Path) -> None:
    """After four hours."""
    done = _run(tmp_path, [_case(WELL, [])])

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ILL)
def test_an_alert_fires_alone(name: str, tmp_path: pathlib.Path) -> None:
    """On what it is for, and no other one with it."""
    done = _run(tmp_path, [_case(WELL | ILL[name], [name])])

    assert done.returncode == 0, done.stdout + done.stderr


def test_alerts_say_what_to_do() -> None:
    """A sentence, and a command."""
    for name, rule in _alerts().items():
        assert rule["annotations"]["summary"].endswith("."), name
        assert rule["annotations"]["repair"], name
        assert rule["labels"]["severity"] in {"critical", "warning"}, name
