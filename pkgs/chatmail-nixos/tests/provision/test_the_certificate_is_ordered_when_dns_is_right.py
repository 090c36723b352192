"""Decisions about the order, and what is remembered of failed ones."""

from pathlib import Path

import pytest

from chatmail_nixos.provision.certificate import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    Orders,
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
def test_all_names_must_lead_to_one_machine(
    addresses: dict[str, frozenset[str]], step: Step
) -> None:
    """A missing CNAME would waste an order."""
    assert next_step(ordered=False, addresses=addresses, orders=Orders(), now_s=1e9) == step


def test_a_certificate_is_ordered_once() -> None:
    """Renewals are NixOS' own business."""
    assert next_step(ordered=True, addresses={}, orders=Orders(), now_s=1e9) == Step.DONE


def test_failed_orders_are_spaced() -> None:
    """15 minutes after the first, doubled each time, six hours at most."""
    pauses = [Orders(failed=failed).pause_s() for failed in range(8)]

    assert pauses[:3] == [0, FIRST_PAUSE_S, 2 * FIRST_PAUSE_S]
    assert pauses[-1] == LONGEST_PAUSE_S
    tried = Orders(failed=1, last_s=1000)
    early, late = 1000 + FIRST_PAUSE_S - 1, 1000 + FIRST_PAUSE_S
    assert next_step(ordered=False, addresses=READY, orders=tried, now_s=early) == Step.WAIT
    assert next_step(ordered=False, addresses=READY, orders=tried, now_s=late) == Step.ORDER


@pytest.mark.parametrize("content", [None, "", "[]", '{"colour": 1}'])
def test_a_lost_memory_is_no_failure(tmp_path: Path, content: str | None) -> None:
    """Nothing usable counts as no order."""
    path = tmp_path / "orders.json"
    if content is not None:
        path.write_text(content)

    assert Orders.load(path) == Orders()


def test_orders_are_remembered(tmp_path: Path) -> None:
    """Over a restart."""
    Orders(failed=2, last_s=7.5).save(tmp_path / "orders.json")

    assert Orders.load(tmp_path / "orders.json") == Orders(failed=2, last_s=7.5)
