"""environment.etc as files."""

from chatmail_lab.render.system.etc import etc_file


def test_a_file_under_etc_has_its_mode_and_owner() -> None:
    """A symbolic link on NixOS is a plain file here."""
    entry = etc_file("a/b", {"text": "t", "mode": "0440", "user": "u"})
    plain = etc_file("a", {"text": "t"})

    assert entry is not None
    assert plain is not None
    assert (entry.path, entry.content, entry.mode, entry.user) == ("/etc/a/b", b"t", 0o440, "u")
    assert plain.mode == 0o644
    assert etc_file("a", {"text": "t", "enable": False}) is None
