"""The catalogue has what the code counts, and nothing else."""

import ast
import pathlib
from collections.abc import Iterator

import chatmaild
from chatmaild.metrics.families import FAMILIES

SOURCE = pathlib.Path(chatmaild.__file__).parent


def _counted() -> Iterator[tuple[str, frozenset[str]]]:
    """Name and labels of each call of add, set and observe; names may come from a table."""
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            first = node.args[0] if node.args else None
            is_name = isinstance(first, ast.Constant) and isinstance(first.value, str)
            if node.func.attr in {"add", "set", "observe"} and is_name:
                assert isinstance(first, ast.Constant)
                yield str(first.value), frozenset(str(word.arg) for word in node.keywords)


def test_every_call_names_a_family_with_its_labels() -> None:
    """A wrong name would be a number without a meaning."""
    for name, labels in _counted():
        assert name in FAMILIES, name
        assert labels == set(FAMILIES[name].labels), name


def test_every_family_is_counted_somewhere() -> None:
    """A name in the catalogue alone would be a panel without data."""
    text = "".join(file.read_text() for file in SOURCE.rglob("*.py") if file.name != "families.py")

    assert [name for name in FAMILIES if f'"{name}"' not in text] == []


def test_no_label_can_name_a_person() -> None:
    """Labels are few; a new one has to be added here, by somebody who thought about it."""
    labels = {label for family in FAMILIES.values() for label in family.labels}

    assert labels == {
        *("age", "by", "check", "code", "days", "directory", "ingress", "kind", "machine"),
        *("outcome", "port", "queue", "reason", "result", "role", "selector", "source", "store"),
        *("unit", "version"),
    }
