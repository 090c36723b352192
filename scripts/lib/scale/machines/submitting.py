"""Logs in at port 465, from inside the client's network; arguments: domain, logins.

Prints "ready" when the addresses are there, then waits for a line.
"""

import sys

from bench import load
from chatmail_testkit.people.names import new_accounts


def main(domain: str, count: int) -> None:
    """Do it, one login after the other."""
    people = new_accounts(domain, count)
    for account in people:
        load.imap_session(account).close()
    print("ready", flush=True)
    sys.stdin.readline()
    for account in people:
        load.smtp_session(account).close()
    print("{}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
