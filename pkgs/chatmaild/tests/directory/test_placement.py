"""Where names are placed: for ever the same, in balance, and with few moves."""

import hashlib
import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping

import pytest
from hypothesis import example, given
from hypothesis import settings as how
from hypothesis import strategies as st

from chatmaild.directory.placement import Placement, winner, winners

STORES = {"store1": 1.0, "store2": 2.0, "store3": 0.5}
NAMES = [f"user{number}@chat.example.org" for number in range(2000)]
MANY_NAMES = [f"s{number:08}@chat.example.org" for number in range(10_000)]
# of chi square from its mean: one of some thousand lots has more, and the names are always the same
MOST_DEVIATIONS = 4
TWELVE = [f"store{number}" for number in range(1, 13)]

weights = st.dictionaries(
    st.text("abcdefghijkl-0123456789", min_size=1, max_size=8),
    st.integers(min_value=1, max_value=1000),
    min_size=1,
    max_size=8,
)
names = st.text(min_size=1, max_size=20)

# of a name and a store
Number = Callable[[str, str], int]


def _mixed(name: str, store: str) -> int:
    """The number of a store, one alone, as the module describes it."""
    z = _hash(name.encode()) ^ _hash(store.encode())
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def _of_pairs(name: str, store: str) -> int:
    """A number from a cryptographic hash of both: what the mixer must be as good as."""
    return _hash(f"{store}\0{name}".encode())


def _unmixed(name: str, store: str) -> int:
    """Without the mixer: the numbers of two stores differ in the same bits for all names."""
    return _hash(name.encode()) ^ _hash(store.encode())


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def _score(number: int, weight: float) -> float:
    return -weight / math.log(((number >> 12) + 0.5) / 2**52)


@pytest.mark.parametrize(
    ("name", "of_store1", "store"),
    [
        ("alice1234@chat.example.org", 0x15FDBA6B38F9243D, "store3"),
        ("bob@chat.example.org", 0xCC9DCC8629E500B6, "store2"),
        ("x", 0x96AA5C60ADE22198, "store3"),
        ("k3j4h5g6f@[192.0.2.1]", 0xD8E9116547149B3E, "store1"),
        ("abcdefghijklmnop", 0x7900F79509E3CCAB, "store2"),
    ],
)
def test_names_stay_where_they_are(name: str, of_store1: int, store: str) -> None:
    """Mailboxes are there."""
    assert _mixed(name, "store1") == of_store1
    assert winner(name, STORES) == store


def test_many_names_stay_where_they_are() -> None:
    """The whole placement of 2000 names."""
    placed = "".join(str(winner(name, STORES))[-1] for name in NAMES)

    assert Counter(placed) == {"1": 516, "2": 1162, "3": 322}
    assert hashlib.sha256(placed.encode()).hexdigest() == (
        "177c6e2e75214f49ca1239183e3320802f65e0260f000ae9f8781298dcf0dc58"
    )


@given(names, weights)
@example("x", {"": 1})
def test_the_highest_score_wins(name: str, stores: dict[str, int]) -> None:
    """In whatever order the stores are named, and with a logarithm for each."""
    scores = {store: _score(_mixed(name, store), weight) for store, weight in stores.items()}
    found = winner(name, stores)

    assert found == max(scores, key=lambda store: scores[store])
    assert found == winner(name, dict(reversed(stores.items())))


@given(names, weights, st.text("mnop", min_size=1), st.integers(min_value=1, max_value=1000))
def test_a_new_store_takes_names_and_moves_no_others(
    name: str, stores: dict[str, int], new: str, weight: int
) -> None:
    """The same, seen the other way round: a store that leaves loses its own names alone."""
    before, after = winner(name, stores), winner(name, {**stores, new: weight})

    assert after in (before, new)


@given(names, weights, st.data())
def test_a_greater_weight_attracts_names_only(
    name: str, stores: dict[str, int], data: st.DataObject
) -> None:
    """No name moves between the other stores, and none leaves the heavier one."""
    grown = data.draw(st.sampled_from(sorted(stores)))
    before, after = winner(name, stores), winner(name, {**stores, grown: stores[grown] * 2})

    assert after in (before, grown)


@given(st.dictionaries(st.sampled_from("abcde"), st.integers(1, 9), min_size=2, max_size=5))
@how(max_examples=30)
def test_stores_get_names_by_their_weights(stores: dict[str, int]) -> None:
    """Within 6 standard deviations of a fair draw: one of 500 million such tests fails."""
    counts = Counter(winner(name, stores) for name in NAMES)
    total = sum(stores.values())
    for store, weight in stores.items():
        share = weight / total
        deviation = (len(NAMES) * share * (1 - share)) ** 0.5

        assert abs(counts[store] - len(NAMES) * share) <= 6 * deviation


def test_many_stores_get_names_as_by_lot() -> None:
    """50 names each; a store more takes its part of all, and as many of each other store."""
    before = Placement({f"store{number}": 1 for number in range(200)})
    after = Placement({f"store{number}": 1 for number in range(201)})
    moved: Counter[object] = Counter(
        str(before.winner(name)) for name in MANY_NAMES if after.winner(name) == "store200"
    )

    all_of_them: Counter[object] = Counter(map(before.winner, MANY_NAMES))
    assert abs(_deviations(all_of_them, 200)) < MOST_DEVIATIONS
    assert abs(_deviations(moved, 200)) < MOST_DEVIATIONS
    part = len(MANY_NAMES) / 201
    assert abs(moved.total() - part) < MOST_DEVIATIONS * part**0.5


@pytest.mark.parametrize("number", [_mixed, _of_pairs])
def test_stores_do_not_follow_each_other(number: Number) -> None:
    """Not in the places that a name would have, nor in the numbers of two stores."""
    assert abs(_of_places(number)) < MOST_DEVIATIONS
    assert max(abs(found) for found in _of_numbers(number)) < MOST_DEVIATIONS


def test_without_the_mixer_they_would() -> None:
    """So the test above finds what it looks for."""
    assert _of_places(_unmixed) > 100
    assert min(_of_numbers(_unmixed)) > 100


def _of_places(number: Number) -> float:
    """Deviations of the pairs of first and second place, with twelve stores."""
    pairs: Counter[object] = Counter()
    for name in MANY_NAMES:
        ranked = sorted(TWELVE, key=lambda store: number(name, store), reverse=True)
        pairs[tuple(ranked[:2])] += 1
    return _deviations(pairs, len(TWELVE) * (len(TWELVE) - 1))


def _of_numbers(number: Number) -> list[float]:
    """Deviations of the first and of the last four bits, for each two of some stores."""
    found = []
    for one, other in itertools.combinations(TWELVE[:4], 2):
        numbers = [(number(name, one), number(name, other)) for name in MANY_NAMES]
        found.append(_deviations(Counter((a >> 60, b >> 60) for a, b in numbers), 256))
        found.append(_deviations(Counter((a & 15, b & 15) for a, b in numbers), 256))
    return found


def _deviations(counts: Counter[object], cells: int) -> float:
    """By how many standard deviations chi square differs from its mean, if all are alike."""
    part = counts.total() / cells
    chi_square = sum((count - part) ** 2 / part for count in counts.values())
    chi_square += (cells - len(counts)) * part
    return (chi_square - (cells - 1)) / math.sqrt(2 * (cells - 1))


@pytest.mark.parametrize("stores", [{}, {"a": 0}])
def test_without_a_store_there_is_no_place(stores: Mapping[str, float]) -> None:
    """A weight of 0 takes no names."""
    assert winner("x", stores) is None
    assert list(winners("x", [Placement(stores), Placement({"b": 1})])) == ["b"]


def test_each_store_is_a_winner_once() -> None:
    """The newest placement first."""
    placements = [Placement({store: 1}) for store in "babc"]
    assert list(winners("x", placements)) == ["b", "a", "c"]
