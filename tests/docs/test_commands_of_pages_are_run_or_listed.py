"""Each command of the pages for operators is run by tests/e2e/handbook, or listed with a reason."""

from pathlib import Path

import pytest
from handbook.commands import Command, commands, once, shows
from handbook.known import BEFORE, MARKERS, NOT_RUN, PAGES

DOCS = Path(__file__).parents[2] / "docs"
FOUND = [command for page in PAGES for command in commands(page, (DOCS / page).read_text())]

PAGE = """
Type `chatmail status` or `other status`, then:

```sh
# first
chatmail dns   # prints records
chatmail a \\
  --b
cat > file <<END
# text
END
```

It prints:

```text
two 2
```

```sh nixos
reboot
```

Again `chatmail status`.
"""


def test_a_page_is_read() -> None:
    """Lines, continued lines, here-documents, markers, prose, output."""
    found = [(c.line, c.text, c.marker, c.shown) for c in commands("x.md", PAGE)]

    assert found == [
        (2, "chatmail status", "", ()),
        (6, "chatmail dns", "", ()),
        (7, "chatmail a \\\n  --b", "", ()),
        (9, "cat > file <<END\n# text\nEND", "", ("two 2",)),
        (21, "reboot", "nixos", ()),
        (24, "chatmail status", "", ()),
    ]
    assert [c.line for c in once(commands("x.md", PAGE))] == [2, 6, 7, 9, 21]


@pytest.mark.parametrize(
    ("output", "is_shown"),
    [
        ("well\nqueue 17 of 3\nend", True),
        ("well\nmore\nqueue 1 of x\nend\n", True),
        ("well\nqueue 17 of 3\n", False),
        ("well\nqueue x of 3\nend", False),
        ("first\nwell\nqueue 17 of 3\nend", False),
    ],
)
def test_a_shape_is_compared(output: str, is_shown: bool) -> None:
    """`…` for words and for lines, numbers for numbers."""
    assert shows(output, ["well", "…", "queue 5 of …", "end"]) == is_shown


def test_listed_commands_are_marked() -> None:
    """A marked block may have other commands, too; they are run."""
    unmarked = [c.place for c in FOUND if c.is_listed and not c.marker and not c.is_inline]
    listed = {(c.page, c.block) for c in FOUND if c.is_listed}
    without = [c.place for c in FOUND if c.marker and (c.page, c.block) not in listed]

    assert unmarked == []
    assert without == []
    assert {command.marker for command in FOUND} <= {"", *MARKERS}


def test_pages_name_what_is_listed() -> None:
    """What the pages no longer name is not kept."""
    assert [text for text in (*NOT_RUN, *BEFORE) if not _named(text)] == []


def test_every_page_has_commands() -> None:
    """The parser finds them."""
    assert {command.page for command in FOUND} == set(PAGES)


def _named(text: str) -> list[Command]:
    return [command for command in FOUND if f"{command.text} ".startswith(f"{text} ")]
