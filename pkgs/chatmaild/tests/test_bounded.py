"""A dict that forgets."""

from chatmaild.bounded import Bounded


def test_the_oldest_is_forgotten() -> None:
    """Setting a key again makes it the newest."""
    memory: Bounded[str, int] = Bounded(2)
    memory["a"], memory["b"], memory["a"], memory["c"] = 1, 2, 3, 4

    assert dict(memory) == {"a": 3, "c": 4}


def test_a_touched_entry_stays() -> None:
    """Touching says whether there was one."""
    memory: Bounded[str, int] = Bounded(2)
    memory["a"], memory["b"] = 1, 2
    touched = (memory.touch("a"), memory.touch("x"))
    memory["c"] = 3

    assert touched == (True, False)
    assert list(memory) == ["a", "c"]
