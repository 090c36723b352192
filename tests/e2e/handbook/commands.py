"""Commands of a page: those in ```sh blocks, and those in prose that begin with known programs.

A ```text block shows the output of the last command before it: `…` stands for any words, a line of
`…` for any lines, and a number for any number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from handbook.known import NOT_RUN, PROGRAMS

_FENCE: Final = re.compile(r" *```(.*)")
_INLINE: Final = re.compile(rf"`((?:{'|'.join(PROGRAMS)}) [^`\n]+)`")
_HEREDOC: Final = re.compile(r"<<-?'?\"?(\w+)")
ANY: Final = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command as an operator types it; `marker` is the second word of ```sh nixos.

    `block` is the line at which its block begins.
    """

    page: str
    line: int
    block: int
    text: str
    marker: str = ""
    is_inline: bool = False
    shown: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """Where it stands."""
        return f"docs/{self.page}:{self.line}: {self.text}"

    @property
    def is_listed(self) -> bool:
        """Whether known.py says why it is not run."""
        return entry(self.text, NOT_RUN) is not None


def entry(command: str, table: Mapping[str, str]) -> str | None:
    """Return the key of a table that a command begins with; the longest one."""
    found = [key for key in table if f"{command} ".startswith(f"{key} ")]
    return max(found, key=len, default=None)


def commands(page: str, text: str) -> list[Command]:
    """Return all commands of a page in its order."""
    found: list[Command] = []
    for line, kind, block in _parts(text.splitlines()):
        words = kind.split()
        if words[:1] == ["sh"]:
            marker = " ".join(words[1:])
            found += [
                Command(page=page, line=line + at, block=line, text=typed, marker=marker)
                for at, typed in _typed(block)
            ]
        elif kind == "text" and found:
            found[-1] = replace(found[-1], shown=tuple(block))
        elif kind == "prose":
            found += [
                Command(page=page, line=line, block=line, text=typed, is_inline=True)
                for typed in _INLINE.findall(block[0])
            ]
    return found


def once(found: Iterable[Command]) -> list[Command]:
    """Return the commands without those in prose that others named before."""
    seen: set[str] = set()
    chosen = []
    for command in found:
        if not (command.is_inline and command.text in seen):
            chosen.append(command)
        seen.add(command.text)
    return chosen


def shows(output: str, shown: Sequence[str]) -> bool:
    """Return whether an output has the shape that a page shows."""
    form = "".join(r"(?:.*\n)*?" if line == ANY else f"{_form(line)}\n" for line in shown)
    return re.fullmatch(form, f"{output.rstrip()}\n") is not None


def _form(line: str) -> str:
    words = [re.sub("[0-9]+", "[0-9]+", re.escape(words)) for words in line.split(ANY)]
    return ".*".join(words)


def _parts(lines: Sequence[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Number of the first line, kind, lines: of each block of code, and of each line of prose."""
    numbered = iter(enumerate(lines, 1))
    for number, line in numbered:
        fence = _FENCE.fullmatch(line)
        if fence is None:
            yield number, "prose", [line]
            continue
        indent = len(line) - len(line.lstrip())
        block = []
        for _, inside in numbered:
            if inside.strip() == "```":
                break
            block.append(inside[indent:])
        yield number + 1, fence[1].strip(), block


def _typed(block: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Each command of a block with its line; `\\` and here-documents continue a command."""
    numbered = iter(enumerate(block))
    for number, line in numbered:
        typed = [line]
        while typed[-1].endswith("\\"):
            typed.append(next(numbered)[1])
        if heredoc := _HEREDOC.search(line):
            while typed[-1] != heredoc[1]:
                typed.append(next(numbered)[1])
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, re.sub(r" +# .*$", "", "\n".join(typed))
