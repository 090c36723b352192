"""Wrong passwords slow down their network, and nobody else."""

import contextlib

import pytest

from chatmaild.accounts.limits import guesses as module
from chatmaild.accounts.limits.guesses import ACCOUNT_BURST, NETWORK_BURST, SITE_BURST, Guesses
from chatmaild.address import Address, parse_address
from chatmaild.errors import TooManyError

ALICE = parse_address("alice1234@chat.example.org")
BOB = parse_address("bob123456@chat.example.org")
HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"


class World:
    """Guesses with a clock of its own."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.guesses = Guesses(lambda: self.now_s)

    def tries(self, address: Address, ip: str, *, right: bool = False) -> bool:
        """Whether the password was checked."""
        try:
            with self.guesses.attempt(address, ip) as attempt:
                attempt.is_wrong = not right
        except TooManyError:
            return False
        return True


@pytest.fixture
def world() -> World:
    """Nobody has guessed yet."""
    return World()


def test_ten_at_once_then_ten_a_minute(world: World) -> None:
    """For right passwords, too: a fast answer would tell that one is right."""
    assert [world.tries(ALICE, HERE) for _ in range(60)] == [True] * 10 + [False] * 50
    assert not world.tries(ALICE, HERE, right=True)

    allowed = 0
    for _ in range(600):
        world.now_s += 0.1
        allowed += world.tries(ALICE, HERE)
    assert 9 <= allowed <= 10


def test_the_owner_waits_six_seconds_in_the_network_of_the_guesser(world: World) -> None:
    """Right passwords use up nothing."""
    while world.tries(ALICE, HERE):
        pass

    world.now_s += 6.01
    assert [world.tries(ALICE, HERE, right=True) for _ in range(100)] == [True] * 100


def test_elsewhere_the_owner_logs_in_at_once(world: World) -> None:
    """Also while a thousand networks guess."""
    for number in range(1000):
        while world.tries(ALICE, f"10.0.{number // 250}.{number % 250}"):
            pass

    assert world.tries(ALICE, ELSEWHERE, right=True)
    assert world.tries(ALICE, "2001:db8::1", right=True)


@pytest.mark.parametrize(
    ("first", "second", "is_shared"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::1", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("127.111.22.33", "127.111.22.34", False),
    ],
)
def test_what_is_one_network(world: World, first: str, second: str, is_shared: bool) -> None:
    """An IPv4 address, or a /64."""
    while world.tries(ALICE, first):
        pass

    assert world.tries(ALICE, second) is not is_shared


def test_a_site_cannot_change_its_network_for_ever(world: World) -> None:
    """A /48 has 65,536 networks; who logged in there before does not notice."""
    assert world.tries(ALICE, "2001:db8:1:ffff::1", right=True)
    allowed = sum(world.tries(ALICE, f"2001:db8:1:{number:x}::1") for number in range(1000))

    assert allowed == SITE_BURST
    assert world.tries(ALICE, "2001:db8:1:ffff::1", right=True)
    assert world.tries(ALICE, "2001:db8:2::1")


def test_a_site_has_one_group_of_pseudonyms(world: World) -> None:
    """SMTP clients of a /48 come from a /24 of loopback (modules/chatmail/web/pseudonyms.nix)."""
    allowed = sum(world.tries(ALICE, f"127.111.22.{number}") for number in range(10, 250))

    assert allowed == SITE_BURST
    assert world.tries(ALICE, "127.111.23.33")


def test_one_network_cannot_try_all_accounts(world: World) -> None:
    """Neighbours behind the same IP address who logged in before do not notice."""
    assert world.tries(BOB, HERE, right=True)
    names = [parse_address(f"user{number:05}@chat.example.org") for number in range(1000)]

    assert sum(world.tries(name, HERE) for name in names) == NETWORK_BURST
    assert world.tries(BOB, HERE, right=True)
    assert world.tries(names[-1], ELSEWHERE)


def test_parallel_guesses_count_before_they_are_checked(world: World) -> None:
    """Sixty at the same time are ten."""
    started = []
    for _ in range(60):
        attempt = world.guesses.attempt(ALICE, HERE)
        try:
            attempt.__enter__()
        except TooManyError:
            continue
        started.append(attempt)

    assert len(started) == ACCOUNT_BURST


def test_a_fault_is_no_guess(world: World) -> None:
    """A full disk slows nobody down, and makes no network a known one."""
    for _ in range(100):
        with pytest.raises(OSError, match="full"), world.guesses.attempt(ALICE, HERE):
            raise OSError("full")

    assert world.tries(ALICE, HERE)
    assert len(world.guesses._known) == 0


def test_nothing_tells_who_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keyed hashes, and a bounded number of them."""
    monkeypatch.setattr(module, "MAX_KNOWN", 10)
    world.tries(ALICE, HERE)
    world.tries(BOB, HERE, right=True)

    held = repr([vars(part) for part in vars(world.guesses).values() if hasattr(part, "__dict__")])
    assert HERE not in held
    assert "alice" not in held


def test_checks_that_are_not_decided_are_told_apart_from_wrong_passwords(world: World) -> None:
    """Many users of one network return at once; a guesser gains nothing by it."""
    with contextlib.ExitStack() as stack:
        for number in range(NETWORK_BURST):
            account = parse_address(f"user{number:05}@chat.example.org")
            stack.enter_context(world.guesses.attempt(account, HERE))
        assert not world.tries(ALICE, HERE)
        assert world.guesses.is_undecided(HERE)
        assert not world.guesses.is_undecided(ELSEWHERE)

    assert not world.guesses.is_undecided(HERE)
    assert world.tries(ALICE, HERE, right=True)
