"""Decisions about orders, and the file of failed orders."""

import os
from pathlib import Path

import pytest

from chatmail_setup import certificate
from chatmail_setup.certificate import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Certificate,
    FailedOrders,
    Step,
    names,
    next_step,
)

HERE = frozenset({"192.0.2.1"})
ELSEWHERE = frozenset({"192.0.2.9"})
NAMES = names("chat.ada.example")
READY = dict.fromkeys(NAMES, HERE)


@pytest.mark.parametrize(
    ("addresses", "step"),
    [
        (READY, Step.ORDER),
        ({**READY, NAMES[2]: frozenset()}, Step.WAIT_FOR_DNS),
        ({**READY, NAMES[1]: ELSEWHERE}, Step.WAIT_FOR_DNS),
        (dict.fromkeys(NAMES, frozenset()), Step.WAIT_FOR_DNS),
    ],
)
def test_all_names_must_have_the_same_address(
    addresses: dict[str, frozenset[str]], step: Step
) -> None:
    """With a missing CNAME, the order would fail."""
    assert next_step(issued=False, addresses=addresses, orders=FailedOrders(), now_s=1e9) == step


def test_a_certificate_is_ordered_once() -> None:
    """NixOS renews it."""
    assert next_step(issued=True, addresses={}, orders=FailedOrders(), now_s=1e9) == Step.DONE


def test_a_failed_order_delays_the_next() -> None:
    """By 15 minutes, doubled with each failure, at most 6 hours."""
    pauses = [FailedOrders(failed=failed).pause_s() for failed in range(8)]

    assert pauses[:3] == [0, FIRST_PAUSE_S, 2 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S
    tried = FailedOrders(failed=1, last_s=1000)
    early, late = 1000 + FIRST_PAUSE_S - 1, 1000 + FIRST_PAUSE_S
    assert next_step(issued=False, addresses=READY, orders=tried, now_s=early) == Step.WAIT
    assert next_step(issued=False, addresses=READY, orders=tried, now_s=late) == Step.ORDER


@pytest.mark.parametrize("content", [None, "", "[]", '{"colour": 1}'])
def test_an_unreadable_file_counts_as_no_order(tmp_path: Path, content: str | None) -> None:
    """After a power failure, say."""
    path = tmp_path / "orders.json"
    if content is not None:
        path.write_text(content)

    assert FailedOrders.load(path) == FailedOrders()


def test_failed_orders_are_stored(tmp_path: Path) -> None:
    """For the next run."""
    FailedOrders(failed=2, last_s=7.5).save(tmp_path / "orders.json")

    assert FailedOrders.load(tmp_path / "orders.json") == FailedOrders(failed=2, last_s=7.5)


@pytest.fixture
def ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Certificate:
    """A certificate whose names are published; systemctl is a fake."""
    script(tmp_path / "systemctl", f'echo "$*" > {tmp_path}/started')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(certificate, "resolve", lambda _: HERE)
    return Certificate(
        domain="chat.ada.example", orders=tmp_path / "orders.json", directory=tmp_path / "acme"
    )


def script(path: Path, line: str) -> None:
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def test_a_failed_order_is_counted(ready: Certificate, tmp_path: Path) -> None:
    """The unit ran, and no certificate came."""
    assert ready.order() is Step.ORDER
    assert (tmp_path / "started").read_text() == (
        "start acme-order-renew-chat.ada.example.service\n"
    )
    assert FailedOrders.load(ready.orders).failed == 1
    assert ready.order() is Step.WAIT


def test_an_issued_certificate_is_not_ordered(ready: Certificate, tmp_path: Path) -> None:
    """The unit is not started."""
    success = ready.directory / ready.domain / "acme-success"
    success.parent.mkdir(parents=True)
    success.touch()

    assert ready.order() is Step.DONE
    assert not (tmp_path / "started").exists()
