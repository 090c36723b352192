"""In docs/mail-rules.md every rule names tests that exist, and every refusal has a rule."""

import ast
import re
from collections.abc import Iterator

import pytest
from nixtest.checkout import CHECKOUT

RULES = (CHECKOUT / "docs" / "mail-rules.md").read_text()
CHATMAILD = CHECKOUT / "pkgs" / "chatmaild"
VERDICTS = CHATMAILD / "src" / "chatmaild" / "filter" / "verdicts.py"
# prefix of a test's name -> folder; all other tests are in pkgs/chatmaild/tests
PLACES = {
    "e2e": CHECKOUT / "tests",
    "nix": CHECKOUT / "tests",
    "scripts": CHECKOUT,
    "fuzz": CHATMAILD,
    "bench": CHATMAILD,
}
TEST = re.compile(r"`([a-z0-9]+)/([a-z0-9_./-]+)`")


def _rules() -> list[str]:
    """The rows of all tables, without their heads."""
    lines = RULES.splitlines()
    heads = {at for at, line in enumerate(lines) if line.startswith("| ---")}
    rows = [at for at, line in enumerate(lines) if line.startswith("|")]
    return [lines[at] for at in rows if at not in heads and at + 1 not in heads]


@pytest.mark.parametrize("rule", _rules())
def test_a_rule_names_its_tests(rule: str) -> None:
    """The last column names at least one test, and all of them exist."""
    named = TEST.findall(rule.split("|")[-2])
    missing = [
        f"{place}/{name}"
        for place, name in named
        if not (PLACES.get(place, CHATMAILD / "tests") / place / name).is_file()
    ]

    assert named
    assert missing == []


def _refusals() -> Iterator[str]:
    """Code and text of every refusal of the filter, up to its first variable."""
    for statement in ast.parse(VERDICTS.read_text()).body:
        texts = [
            node
            for node in ast.walk(statement)
            if isinstance(node, (ast.keyword, ast.Assign))
            and (getattr(node, "arg", None) == "text" or "text" in _targets(node))
        ]
        codes = [
            ast.unparse(node.value)
            for node in ast.walk(statement)
            if isinstance(node, ast.keyword) and node.arg == "code"
        ]
        if codes:
            [first] = [text for text in map(_literal, texts) if text]
            yield f"{codes[0]} {first}"


def _targets(node: ast.keyword | ast.Assign) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _literal(node: ast.keyword | ast.Assign) -> str:
    value = node.value.values[0] if isinstance(node.value, ast.JoinedStr) else node.value
    return str(value.value) if isinstance(value, ast.Constant) else ""


@pytest.mark.parametrize("refusal", list(_refusals()))
def test_a_refusal_is_documented(refusal: str) -> None:
    """The page has the same words as the SMTP reply."""
    assert f"`{refusal}" in RULES
