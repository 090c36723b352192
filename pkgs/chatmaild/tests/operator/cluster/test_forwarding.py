"""Commands that are typed on a front run on the stores; what a machine cannot do, it says."""

import pytest

from chatmaild.directory.placement import winner

from .world import World

FRONT = "front1"


def place(world: World, store: str) -> str:
    """Return an address whose place is a store."""
    for number in range(1000):
        address = f"name{number:05}@chat.example.org"
        weights = world.front.settings.cluster.placements[0]
        if winner(address, weights) == store and not world.homes(address):
            return address
    raise AssertionError


@pytest.mark.parametrize("store", ["store1", "store2"])
def test_the_life_of_an_address(world: World, store: str) -> None:
    """Typed on the front, done on the store that is its place."""
    run, address = world.front.chatmail, place(world, store)
    local = address.partition("@")[0]

    assert run("address", "create", local, "--password-stdin", stdin="secret-password\n") == (
        *(0, f"{address}\nsecret-password\n", ""),
    )
    assert world.homes(address) == [store]
    assert run("address", "disable", address) == (0, f"disabled {address}\n", "")
    assert "state            disabled\n" in run("address", "show", local)[1]
    assert run("address", "enable", address)[0] == 0
    code, out, _ = run("address", "list", "--plain", "--match", f"{local}*")
    assert (code, out) == (0, f"{address}\n")
    assert run("address", "create", local)[2] == "error: the address exists\n"
    code, out, _ = run("address", "delete", address, stdin="n\n")
    assert (code, world.homes(address)) == (1, [store])
    assert run("address", "delete", address, stdin="y\n")[0] == 0
    assert world.homes(address) == []


def test_an_address_that_is_elsewhere(world: World) -> None:
    """A command finds it, although its place is the other store."""
    address = place(world, "store1")
    code, _, err = world.stores["store2"].chatmail("address", "create", address)
    assert code == 1
    assert (
        err
        == f"error: the place of this address is store1: run this there, or on a front: {FRONT}\n"
    )


def test_lists_name_their_stores(world: World) -> None:
    """Lines of both, each below its store; equal answers come once."""
    run = world.front.chatmail
    for store in world.stores:
        run("address", "create", place(world, store))

    _, out, err = run("address", "list", "--plain")

    assert err == "store1:\nstore2:\n"
    assert set(out.splitlines()) == {
        line
        for store in world.stores.values()
        for line in store.chatmail("address", "list", "--plain")[1].splitlines()
    }
    code, out, err = run("registration", "status")
    assert (code, out.splitlines()[0], err) == (0, "open", "")


def test_registration_is_switched_on_all_stores(world: World) -> None:
    """And each says it where they differ."""
    run = world.front.chatmail

    assert run("registration", "close")[1].startswith("closed")
    for store in world.stores.values():
        assert store.chatmail("registration", "status")[1].startswith("closed")
    world.stores["store1"].chatmail("registration", "open")
    _, out, err = run("registration", "status")
    assert [line.split(":")[0] for line in out.splitlines() if "apps" not in line] == [
        *("open", "closed"),
    ]
    assert err == "store1:\nstore2:\n"
    assert run("registration", "open")[1].startswith("open")


def test_an_invite_is_where_fronts_look_for_it(world: World) -> None:
    """By its token; revoke finds it, by its link."""
    run = world.front.chatmail
    _, out, _ = run("invite", "create", "--uses", "3")
    link = out.strip()
    token = link.rpartition("?")[2]
    store = winner(token, world.front.settings.cluster.placements[0])

    assert store is not None
    assert token in world.stores[store].chatmail("invite", "list")[1]
    assert token in run("invite", "list")[1]
    assert run("invite", "revoke", link) == (0, "revoked\n", "")
    assert token not in run("invite", "list")[1]
    assert run("invite", "revoke", link)[0] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("notice", "show"), "run this on the store that it is for: store1, store2"),
        (("storage", "status"), "run this on the store that it is for: store1, store2"),
        (("export", "/nonexistent"), "run this on the store that it is for: store1, store2"),
        (("address", "import", "/nonexistent"), "run this on the store that it is for: store1"),
        (("move", "root@other.example", "--yes"), "a front has nothing to move"),
        (("receive", "look"), "the relay that moves becomes a store"),
    ],
)
def test_what_a_front_does_not_do(world: World, arguments: tuple[str, ...], said: str) -> None:
    """One line names the machine that does, or what to do instead."""
    code, out, err = world.front.chatmail(*arguments)

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"error: {said}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("dns",), f"run this on a front: {FRONT}"),
        (("queue", "list"), f"run this on a front: {FRONT}"),
        (("domains", "list"), f"run this on a front: {FRONT}"),
        (("move", "root@other.example", "--yes"), "a store is drained"),
        (("receive", "look"), "the relay that moves is one machine"),
        (("address", "show", "nobody123"), "there is no such address on this store; a front asks"),
    ],
)
def test_what_a_store_does_not_do(world: World, arguments: tuple[str, ...], said: str) -> None:
    """One line names the machine that does, or what to do instead."""
    code, out, err = world.stores["store1"].chatmail(*arguments)

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith(f"error: {said}")


def test_a_store_is_down(half: World) -> None:
    """The others do their part, and the exit code says that one did not."""
    run = half.front.chatmail

    code, out, err = run("registration", "status")
    assert (code, out.splitlines()[0]) == (1, "open")
    assert err.startswith("store1:\nstore2:\nerror: the store store2 does not answer: ")
    for _ in range(4):
        code, out, _ = run("address", "create")
        assert (code, half.homes(out.splitlines()[0])) == (0, ["store1"])
    code, _, err = run("address", "create", place(half, "store2"))
    assert code == 1
    assert "does not" in err
    assert run("address", "create", place(half, "store1"))[0] == 0
