"""Makes the system of a domain out of the prepared system of a placeholder domain.

This is the builder of a Nix derivation. Its only input is the prepared system; its output is the
same system with another domain. Only files that contain the placeholder, or refer to such a file,
are copied: a few hundred small ones. Nix finds the references of the output by itself.
"""

import json
import mmap
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HASH_LENGTH: Final = 32
STORE_PATH: Final = re.compile(rb"/nix/store/([0-9a-z]{32})-")
# directory of the changed store paths in the output
INSTANCE: Final = "instance"
# a dot as it is, in a regular expression, in a quoted regular expression, in a character class
DOTS: Final = (".", "\\.", "\\\\.", "[.]")


class RewriteError(RuntimeError):
    """The prepared system cannot be rewritten for this domain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """`etc/chatmail-template.json` of the prepared system, written by images/setup.nix.

    `pages` is the name of the store path with the web pages; `page_builder` makes them from
    `settings`.
    """

    placeholder: str
    contact: str
    pages: str | None
    page_builder: str
    settings: str

    @classmethod
    def of(cls, system: Path) -> "Template":
        """Read it from the system."""
        return cls(**json.loads((system / "etc" / "chatmail-template.json").read_text()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The replacements: store paths, then texts."""

    system: str
    out: str
    moved: frozenset[bytes]
    texts: tuple[tuple[bytes, bytes], ...]

    def apply(self, content: bytes) -> bytes:
        """Replace store paths first, because their names may contain the placeholder, too."""
        content = content.replace(self.system.encode(), self.out.encode())
        content = STORE_PATH.sub(self._move, content)
        for old, new in self.texts:
            content = content.replace(old, new)
        return content

    def text(self, content: str) -> str:
        """The same for file names and link targets."""
        return self.apply(content.encode()).decode()

    def _move(self, found: re.Match[bytes]) -> bytes:
        if found[1] not in self.moved:
            return found[0]
        return f"{self.out}/{INSTANCE}/".encode() + found[1] + b"-"


def store_hash(path: str) -> str:
    """The hash part of a store path."""
    return path.rsplit("/", 1)[-1][:HASH_LENGTH]


def read_graph(text: str) -> dict[str, frozenset[str]]:
    """Parse Nix' `exportReferencesGraph`: path, deriver, number of references, references."""
    lines = iter(text.splitlines())
    graph = {}
    for path in lines:
        next(lines)
        count = int(next(lines))
        graph[path] = frozenset(next(lines) for _ in range(count)) - {path}
    return graph


def changed_paths(graph: Mapping[str, frozenset[str]], holding: frozenset[str]) -> frozenset[str]:
    """The paths that contain the placeholder, and all that refer to them, directly or not."""
    users: dict[str, set[str]] = {}
    for path, references in graph.items():
        for reference in references:
            users.setdefault(reference, set()).add(path)
    changed, waiting = set(holding), list(holding)
    while waiting:
        for user in users.get(waiting.pop(), set()) - changed:
            changed.add(user)
            waiting.append(user)
    return frozenset(changed)


def spellings(placeholder: str, domain: str) -> tuple[tuple[bytes, bytes], ...]:
    """A name and its replacement, with the dots in all spellings of configuration files."""
    return tuple(
        (placeholder.replace(".", dot).encode(), domain.replace(".", dot).encode()) for dot in DOTS
    )


def holds(path: Path, needles: tuple[bytes, ...]) -> bool:
    """Whether a store path contains a needle in a file name, a link target or a file."""
    for entry in _walk(path):
        name = entry.name.encode()
        if any(needle in name for needle in needles):
            return True
        if entry.is_symlink():
            target = str(entry.readlink()).encode()
            if any(needle in target for needle in needles):
                return True
        elif entry.is_file() and entry.stat().st_size:
            with (
                entry.open("rb") as stream,
                mmap.mmap(stream.fileno(), 0, prot=mmap.PROT_READ) as content,
            ):
                if any(content.find(needle) >= 0 for needle in needles):
                    return True
    return False


def rewrite(
    *,
    system: Path,
    graph: Mapping[str, frozenset[str]],
    domain: str,
    contact: str | None,
    out: Path,
) -> None:
    """Write the system of `domain` to `out`.

    Raises:
        RewriteError: a binary file contains the placeholder, or the web pages cannot be made.
    """
    template = Template.of(system)
    texts = spellings(template.placeholder, domain)
    if contact is not None:
        texts = ((template.contact.encode(), contact.encode()), *texts)
    needles = tuple(old for old, _ in texts)
    holding = frozenset(path for path in graph if holds(Path(path), needles))
    changed = changed_paths(graph, holding) | {str(system)}
    rules = Rules(
        system=str(system),
        out=str(out),
        moved=frozenset(store_hash(path).encode() for path in changed),
        texts=texts,
    )
    pages = {path for path in changed if template.pages and path.endswith(f"-{template.pages}")}
    for path in sorted(changed - pages):
        _copy(Path(path), Path(rules.text(path)), rules)
    for path in pages:
        settings = rules.text(template.settings)
        _make_pages(template.page_builder, settings, Path(rules.text(path)))


def _walk(path: Path) -> Iterator[Path]:
    yield path
    if path.is_dir() and not path.is_symlink():
        for entry in sorted(path.iterdir()):
            yield from _walk(entry)


def _copy(source: Path, target: Path, rules: Rules) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_symlink():
        target.symlink_to(rules.text(str(source.readlink())))
    elif source.is_dir():
        target.mkdir(exist_ok=True)
        for entry in sorted(source.iterdir()):
            _copy(entry, target / rules.text(entry.name), rules)
    else:
        content = source.read_bytes()
        new = rules.apply(content)
        if new != content and b"\0" in content:
            raise RewriteError(f"{source} is no text, and contains the placeholder")
        target.write_bytes(new)
        shutil.copymode(source, target)


def _make_pages(builder: str, settings: str, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    command = [builder, "--settings", settings, "--out", str(place)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    if done.returncode != 0:
        raise RewriteError(f"the web pages cannot be made: {done.stderr.strip()}")
