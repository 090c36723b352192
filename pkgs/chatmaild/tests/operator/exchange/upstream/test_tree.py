"""A tree that nobody trusts: links, devices and huge files are named, and not opened."""

import os
import pathlib

import pytest

from chatmaild.errors import ChatmaildError, UntakenError
from chatmaild.operator.exchange.upstream.tree import Directory, Untaken, shown


@pytest.fixture
def root(tmp_path: pathlib.Path) -> pathlib.Path:
    """A tree, with a secret beside it."""
    (tmp_path / "secret").write_text("root:x:")
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "file").write_text("text")
    return tree


def test_a_file_is_read(root: pathlib.Path) -> None:
    """Names that are not there are None."""
    with Directory.at(root) as tree, tree.directory("sub") as sub, tree.directory("no", "a") as no:
        assert sub is not None
        assert (sub.names(), list(sub.entries()), no) == (["file"], ["file"], None)
        assert (sub.read("file", 4), sub.read("none", 4)) == (b"text", None)


def test_links_and_devices_are_refused(root: pathlib.Path) -> None:
    """Each with its reason; a FIFO does not block."""
    (root / "symlink").symlink_to("../secret")
    (root / "up").symlink_to("..")
    os.link(root.parent / "secret", root / "hard")
    os.mkfifo(root / "fifo")
    reasons = {
        "symlink": "a symbolic link",
        "hard": "a hard link to a file elsewhere",
        "fifo": "a FIFO",
        "sub": "a directory",
    }
    with Directory.at(root) as tree:
        for name, reason in reasons.items():
            with pytest.raises(UntakenError, match=reason):
                tree.read(name, 100)
        with pytest.raises(UntakenError, match="a symbolic link"), tree.directory("up", "tree"):
            pass
        with tree.directory("sub") as sub:
            assert sub is not None
            with pytest.raises(UntakenError, match="larger than 3 bytes"):
                sub.read("file", 3)


def test_links_that_are_known_are_followed(root: pathlib.Path) -> None:
    """Dovecot links a message that a client copies."""
    os.link(root / "sub" / "file", root / "sub" / "copy")
    with Directory.at(root) as tree, tree.directory("sub") as sub:
        assert sub is not None
        os.close(sub.open("copy", links=2))
        with pytest.raises(UntakenError):
            sub.open("copy", links=1)


def test_no_directory_is_one_line(root: pathlib.Path) -> None:
    """As any other error of a command."""
    with pytest.raises(ChatmaildError, match="Not a directory"):
        Directory.at(root / "sub" / "file")


def test_names_are_shown_on_one_line() -> None:
    """Nothing in a name reaches the terminal as it is."""
    untaken = Untaken()
    for name in ("a\nb", "\x1b[31m", "--help", "x\udcff", "y"):
        untaken.add(name, "odd")

    assert untaken.lines() == ["5: odd, such as 'a\\nb', '\\x1b[31m', --help"]
    assert untaken.number == 5
    assert shown("plain@example.org") == "plain@example.org"
