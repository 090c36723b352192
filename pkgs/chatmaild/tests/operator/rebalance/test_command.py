"""`chatmail rebalance` on a front starts the moves of all stores, and shows how far they are."""

import json
from collections.abc import Callable

import pytest

from chatmaild.rebalance import progress
from chatmaild.rebalance.progress import Progress

from ..cluster.world import World

Chatmail = Callable[..., tuple[int, list[str]]]


def forget(world: World) -> None:
    """No store moves anything, or has ever moved anything."""
    for store in world.stores.values():
        progress.finish(store.settings)
        Progress().write(store.settings)


def test_all_stores_start(world: World) -> None:
    """And are asked how far they are, as text and as JSON."""
    forget(world)
    stores = world.stores
    assert world.front.chatmail("rebalance", "--no-wait") == (0, "", "")
    assert all(progress.is_wanted(store.settings) for store in stores.values())
    Progress(left=5, moved=7, running=True, longest_s=0.25).write(stores["store1"].settings)

    code, out, _ = world.front.chatmail("rebalance", "--status")
    assert code == 0
    assert out.splitlines() == [
        "store1      5 addresses left, 7 moved, longest time out of use: 0.25 s",
        "store2      counting addresses that belong to other stores",
    ]
    code, out, _ = world.front.chatmail("rebalance", "--status", "--json")
    found = json.loads(out)
    assert (code, found["store1"]["left"], found["store2"]["running"]) == (0, 5, True)


def test_it_waits_until_all_have_moved(world: World) -> None:
    """A problem is shown, and is the exit code."""
    forget(world)
    problem = "an address did not move: store store2 gives no answer"
    Progress(left=1, moved=2, problem=problem).write(world.stores["store1"].settings)

    code, out, _ = world.front.chatmail("rebalance", "--status")
    assert code == 1
    assert out.splitlines() == [
        f"store1      1 address left, 2 moved; {problem}",
        "store2      not started",
    ]


def test_a_store_is_down(half: World) -> None:
    """The others move, and the operator hears what to do."""
    forget(half)
    code, _, err = half.front.chatmail("rebalance", "--no-wait")
    assert code == 1
    assert "store2" in err
    assert err.endswith("All others move; repeat chatmail rebalance when it is back\n")
    assert progress.is_wanted(half.stores["store1"].settings)

    code, out, _ = half.front.chatmail("rebalance", "--status")
    first, second = out.splitlines()
    assert code == 1
    assert first == "store1      counting addresses that belong to other stores"
    assert second.startswith("store2      the store store2 does not answer")


def test_a_store_starts_its_own(world: World) -> None:
    """Without the others."""
    forget(world)
    store1, store2 = (world.stores[name] for name in ("store1", "store2"))

    assert store1.chatmail("rebalance", "--no-wait")[0] == 0
    assert progress.is_wanted(store1.settings)
    assert not progress.is_wanted(store2.settings)
    assert list(json.loads(store1.chatmail("rebalance", "--status", "--json")[1])) == ["store1"]


@pytest.mark.parametrize("option", ["--status", "--no-wait"])
def test_one_machine_has_nothing_to_move(chatmail: Chatmail, option: str) -> None:
    """It says so."""
    code, lines = chatmail("rebalance", option)

    assert code == 1
    assert lines == ["error: this relay is one machine: it has no other stores"]
