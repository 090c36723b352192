"""Our own programs on a relay."""

from chatmail_lab.image.programs import launchers


def test_commands_of_a_package_become_programs() -> None:
    """The metadata contains the version."""
    files = {
        file.path: file
        for file in launchers(
            '[project]\nname = "chat-x"\nscripts.tool = "chat_x.cli:main"\n', "1.2"
        )
    }

    assert files["/usr/bin/tool"].mode == 0o755
    assert b"from chat_x.cli import main" in files["/usr/bin/tool"].content
    metadata = "/usr/lib/python3/dist-packages/chat_x-1.2.dist-info/METADATA"
    assert b"Version: 1.2\n" in files[metadata].content
