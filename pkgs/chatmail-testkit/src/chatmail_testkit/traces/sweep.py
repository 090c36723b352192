"""Runs inside a relay as root: finds personal data in files, names, journal, processes, metrics.

Standard input: the JSON of `patterns.request`. Output:
{"finds": [[place, kind, value, context]], "accounts": [addresses], "bytes": size of everything,
"documents": [places that are no plain files]}

Secrets that begin with the mark are found by one regular expression and looked up in a table:
GNU grep needs half a minute for tens of thousands of fixed strings.
"""

import base64
import bisect
import bz2
import contextlib
import gzip
import json
import lzma
import os
import re
import stat
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

ROOTS = ("/var", "/run", "/tmp", "/dev/shm", "/root", "/home")
SETTINGS = Path("/etc/chatmail/settings.json")
MAIL = Path("/var/lib/chatmail/mail")
PACKED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b\x08": gzip.open,
    b"\xfd7zXZ": lzma.open,
    b"BZh": bz2.open,
}
CONTEXT_BYTES = 100
# files with holes: a scenario makes mailboxes that are full without content
SPARSE_BYTES = 1 << 20
GREP = (
    *("xargs", "--null", "--no-run-if-empty", "--max-args=5000", "--"),
    *("grep", "--text", "--null", "--no-messages"),
)
MATCHES = ("--only-matching", "--byte-offset", "--with-filename")
FILES = ("--files-with-matches",)
JOURNAL = ("journalctl", "--all", "--namespace=*", "--no-pager", "--quiet", "--output=export")
Find = tuple[str, str, str]


class Documents:
    """Places other than plain files, copied to files in memory."""

    def __init__(self, directory: str) -> None:
        self.directory = directory
        self.size = 0
        self.files: list[bytes] = []
        self._places: dict[str, str] = {}
        self._names: tuple[list[int], list[str]] = ([], [])

    def add(self, place: str, content: bytes) -> None:
        """Add the content of a place."""
        path = Path(self.directory, str(len(self._places)))
        path.write_bytes(content)
        self._places[str(path)] = place
        self.files.append(os.fsencode(path))
        self.size += len(content)

    def add_names(self, names: list[tuple[str, bytes]]) -> None:
        """Add one document of all file names."""
        offsets, at = [], 0
        for _, name in names:
            offsets.append(at)
            at += len(name) + 1
        self._names = offsets, [path for path, _ in names]
        self.add("name", b"\n".join(name for _, name in names))

    @property
    def names_of_places(self) -> list[str]:
        """The places."""
        return list(self._places.values())

    def place(self, path: str, offset: int) -> str:
        """Return the place of a match."""
        place = self._places.get(path, path)
        if place != "name":
            return place
        offsets, paths = self._names
        return f"name {paths[bisect.bisect_right(offsets, offset) - 1]}"


def collect(documents: Documents) -> None:
    """Add everything but plain files."""
    names = []
    for path, status in entries(documents.directory):
        link = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else ""
        names.append((str(path), os.fsencode(f"{path.name} {link}")))
        if stat.S_ISREG(status.st_mode):
            add_file(path, status, documents)
    documents.add_names(names)
    documents.add("journal", subprocess.run(JOURNAL, capture_output=True, check=True).stdout)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended
            name = (process / "comm").read_text().strip()
            for kind in ("cmdline", "environ"):
                documents.add(f"process {name} {kind}", (process / kind).read_bytes())
    if SETTINGS.exists():
        port = json.loads(SETTINGS.read_text())["monitoring"]["metrics"]["port"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            documents.add("metrics", answer.read())


def entries(own: str) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield files, directories and links, except the documents."""
    for root in ROOTS:
        for folder, folders, files in os.walk(root):
            if folder != own:
                for name in [*folders, *files]:
                    with contextlib.suppress(FileNotFoundError):
                        yield Path(folder, name), os.lstat(f"{folder}/{name}")


def add_file(path: Path, status: os.stat_result, documents: Documents) -> None:
    """Add a file; also the content of a compressed one, and of one with holes only its data."""
    with contextlib.suppress(OSError, EOFError, lzma.LZMAError), path.open("rb") as file:
        if status.st_blocks * 512 < status.st_size // 2 and status.st_size > SPARSE_BYTES:
            documents.add(str(path), b"\n".join(segments(file.fileno())))
            return
        documents.files.append(os.fsencode(path))
        documents.size += status.st_size
        start = file.read(5)
        for magic, opened in PACKED.items():
            if start.startswith(magic):
                with opened(path) as content:
                    documents.add(str(path), content.read())


def segments(descriptor: int) -> Iterator[bytes]:
    """Yield what is between the holes of a file."""
    end = 0
    with contextlib.suppress(OSError):  # ENXIO: only a hole is left
        while True:
            start = os.lseek(descriptor, end, os.SEEK_DATA)
            end = os.lseek(descriptor, start, os.SEEK_HOLE)
            yield os.pread(descriptor, end - start, start)


def grep(patterns: list[str], files: list[bytes], *options: str) -> Iterator[tuple[str, int, str]]:
    """Yield path, offset and text of each match."""
    with grepping(patterns, files, *MATCHES, *options) as output:
        for line in output:
            path, _, rest = line.rstrip(b"\n").partition(b"\0")
            offset, _, text = rest.partition(b":")
            yield os.fsdecode(path), int(offset), text.decode("latin-1")


def holders(strings: list[str], files: list[bytes]) -> list[bytes]:
    """Return the files that have one of these strings, in any case."""
    with grepping(strings, files, *FILES, "-F", "-i") as output:
        return output.read().split(b"\0")[:-1]


@contextlib.contextmanager
def grepping(patterns: list[str], files: list[bytes], *options: str) -> Iterator[IO[bytes]]:
    """Yield the output of GNU grep; the patterns stand in memory only."""
    asked = in_memory("\n".join(patterns).encode("latin-1") + b"\n")
    searched = in_memory(b"\0".join(files))
    with subprocess.Popen(
        [*GREP, *options, f"--file=/dev/fd/{asked}", "--"],
        stdin=searched,
        stdout=subprocess.PIPE,
        pass_fds=[asked],
        env=os.environ | {"LC_ALL": "C"},
    ) as process:
        os.close(asked)
        os.close(searched)
        assert process.stdout is not None
        yield process.stdout


def in_memory(content: bytes) -> int:
    """Return a descriptor of a file without a name."""
    descriptor = os.memfd_create("sweep")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


class Search:
    """One pass over a relay."""

    def __init__(self, asked: dict[str, Any], documents: Documents) -> None:
        self.finds: dict[Find, str] = {}
        self._asked = asked
        self._documents = documents
        self._marked: dict[str, str] = asked["marked"]
        self._lengths = sorted({len(secret) for secret in self._marked})
        self._mark = re.compile(f"(?={re.escape(asked['mark'])})")

    def run(self) -> None:
        """Search for each kind of pattern."""
        where = self._documents.files
        if self._marked:
            for path, at, text in grep([self._asked["mark_form"]], where, "-E", "-i"):
                self._look_up(path, at, text)
            for path, at, text in grep([self._asked["base64_form"]], where, "-E"):
                for pad in range(3):
                    self._look_up(path, at, decoded(text, pad))
        fixed = self._asked["fixed"]
        if fixed:
            for path, at, text in grep(list(fixed), where, "-F", "-i"):
                self._note(path, at, *fixed[text.lower()])
        forms = [(re.compile(form, re.I | re.S), ip) for form, ip in self._asked["ips"].items()]
        if forms:
            # lookarounds are slow, and few files have even a part of an IP address
            few = holders(self._asked["ip_parts"], where)
            for path, at, text in grep([self._asked["any_ip"]], few, "-P", "-i"):
                ip = next(ip for form, ip in forms if form.fullmatch(text))
                self._note(path, at, "IP address", ip)

    def _look_up(self, path: str, offset: int, text: str) -> None:
        lower = text.lower()
        for found in self._mark.finditer(lower):
            for length in self._lengths:
                secret = lower[found.start() : found.start() + length]
                if kind := self._marked.get(secret):
                    self._note(path, offset, kind, secret)

    def _note(self, path: str, offset: int, kind: str, value: str) -> None:
        find = (self._documents.place(path, offset), kind, value)
        if find not in self.finds:
            self.finds[find] = context(path, offset)


def decoded(text: str, pad: int) -> str:
    """Return the decoded base64; `pad` characters are missing before it."""
    whole = "A" * pad + text.replace("-", "+").replace("_", "/")
    return base64.b64decode(whole[: len(whole) // 4 * 4]).decode("latin-1")


def context(path: str, offset: int) -> str:
    """Return the bytes around a match."""
    with contextlib.suppress(OSError), Path(path).open("rb") as file:
        file.seek(max(0, offset - CONTEXT_BYTES))
        return ascii(file.read(2 * CONTEXT_BYTES))[2:-1]
    return ""


def main() -> None:
    """Search, and print the finds."""
    asked = json.load(sys.stdin)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        documents = Documents(directory)
        collect(documents)
        search = Search(asked, documents)
        search.run()
        accounts = [path.parent.name for path in MAIL.glob("*/password")]
        finds = [[*find, text] for find, text in search.finds.items()]
        answer = {"finds": finds, "accounts": accounts, "bytes": documents.size}
        print(json.dumps(answer | {"documents": documents.names_of_places}))


if __name__ == "__main__":
    main()
