"""What a person has received, for the report of a failed test."""

from __future__ import annotations

import re

from chatmail_testkit.people.person import Person

_CONTENT = b"BODY[]<0>"
_CONTENT_BYTES = 8192  # a delivery report with its reasons is shorter
_REASON = re.compile(rb"^(?:Final-Recipient|Status|Diagnostic-Code):.*$", re.MULTILINE)


def in_words(person: Person) -> str:
    """Returns a line for each message in INBOX, as a new session finds it.

    Delivery reports (RFC 3464) are shown with their reasons.
    """
    session = person.logs_in()
    session.select_folder("INBOX", readonly=True)
    uids = session.search("ALL")
    wanted = ["RFC822.SIZE", f"BODY.PEEK[]<0.{_CONTENT_BYTES}>"]
    found = session.fetch(uids, wanted) if uids else {}
    lines = [f"the last that was read is {person.last_uid}"]
    for uid in sorted(found):
        lines.append(f"{uid}: {found[uid][b'RFC822.SIZE']} bytes")
        lines += [f"  {line.decode().strip()}" for line in _REASON.findall(found[uid][_CONTENT])]
    return "\n".join(lines)
