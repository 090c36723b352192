"""Files with counts."""

import pathlib

from chatmaild.metrics import numbers
from chatmaild.settings import Settings


def test_everybody_can_read_them(settings: Settings) -> None:
    """The collector is another user, whatever the umask of the writer."""
    numbers.write(settings, numbers.ADDRESSES, {"counted_s": 1})
    file = pathlib.Path(settings.directories.numbers) / "addresses.json"

    assert file.stat().st_mode & 0o777 == 0o644
    assert numbers.read(settings, numbers.ADDRESSES) == {"counted_s": 1}


def test_a_missing_or_damaged_file_is_empty(settings: Settings) -> None:
    """No number is better than a wrong one."""
    (pathlib.Path(settings.directories.numbers) / "mailboxes.json").write_text("[1")

    assert numbers.read(settings, numbers.MAILBOXES) == {}
    assert numbers.read(settings, numbers.ADDRESSES) == {}
