"""Makes addresses with messages below a mail directory; runs on the relay.

Arguments: directory, domain, addresses, messages. A quarter of the addresses share the messages.
A message is a hard link to one of a few files, because a million of them need 4 GB.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final

DAY_S: Final = 86400
# ext4 allows 65,000 links of a file
LINKS: Final = 50_000
USED: Final = 4
HASH: Final = b"$6$0123456789abcdef$" + b"x" * 86 + b"\n"
INBOX: Final = "mailboxes/INBOX/dbox-Mails"
MESSAGE: Final = b"Subject: [...]\r\nContent-Type: multipart/encrypted\r\n\r\n" + b"a" * 500


def main(root: str, domain: str, addresses: int, messages: int) -> None:
    """Make them, owned by the owner of the directory."""
    owner = Path(root).stat()
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)
    os.umask(0o077)
    mailboxes = [f"{root}/s{number:08}@{domain}" for number in range(addresses)]
    today_s = int(time.time()) // DAY_S * DAY_S
    for number, path in enumerate(mailboxes):
        os.mkdir(path, 0o710)  # noqa: PTH102 - Path is slow, and there are many
        _write(f"{path}/enforceE2EEincoming", b"")
        _write(f"{path}/password", HASH)
        login_s = today_s - number % 40 * DAY_S
        os.utime(f"{path}/password", (login_s, login_s))
    used = mailboxes[::USED]
    for path in used:
        os.makedirs(f"{path}/{INBOX}", 0o700)  # noqa: PTH103
    origin = ""
    for number in range(messages):
        path = f"{used[number % len(used)]}/{INBOX}/u.{number // len(used) + 1}"
        if number % LINKS == 0:
            origin = path
            _write(origin, MESSAGE)
        else:
            os.link(origin, path)
    for path in used:
        # newer than the messages; Dovecot does not open these mailboxes
        _write(f"{path}/{INBOX}/dovecot.index.log", b"")


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(content)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
