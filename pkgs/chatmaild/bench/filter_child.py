"""The milter that bench/filter.py measures: `filter_child.py read|check SOCKET KEY_FILE`.

Prints its CPU time in seconds for each line of standard input.
"""

import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

from chatmaild.dkim.keys import load_key, public_record
from chatmaild.dkim.resolver import KeyCache, TxtAnswer
from chatmaild.dkim.signer import Signer
from chatmaild.filter.limits.memory import ByteBudget
from chatmaild.filter.limits.rates import DomainLimiter, RateLimiter
from chatmaild.filter.milter import session
from chatmaild.filter.milter.negotiation import EACH_RECIPIENT
from chatmaild.filter.policy import Policy
from chatmaild.filter.recipients import RecipientLookup
from chatmaild.filter.transaction import Decision
from chatmaild.filter.verdicts import ACCEPTED
from chatmaild.net.domains import DomainRules
from chatmaild.store.mail.room import Room
from chatmaild.wire.listening import listen_unix
from chatmaild.wire.loop import Loop


class Reader:
    """A transaction that takes everything and looks at nothing."""

    message_id = None

    def __init__(self, *_: Any) -> None: ...
    def add_header(self, *_: Any) -> None: ...
    def end_of_headers(self) -> None: ...
    def body(self, _: bytes) -> None: ...
    def close(self) -> None: ...
    def end(self, **_: Any) -> Decision:
        """Accept."""
        return Decision(verdict=ACCEPTED)


class Everybody:
    """Every account exists and takes encrypted mail."""

    def exists(self, _: object) -> bool:
        """Yes."""
        return True

    def is_disabled(self, _: object) -> bool:
        """No."""
        return False

    accepts_clear_text = is_nearly_full = is_disabled


def main() -> None:
    """Serve until standard input ends."""
    kind, path, key_file = sys.argv[1:]
    key = load_key(Path(key_file))
    record = public_record(key)
    policy = Policy(
        mail_domain="relay.test",
        flags=Everybody(),
        recipient_lookup=RecipientLookup(Everybody(), Room("/nowhere")),
        domains=DomainRules(own="relay.test"),
        limiter=RateLimiter(per_minute=10**6, burst=10**6),
        domain_limiter=DomainLimiter(per_message=10**6, per_minute=10**6),
        signer=Signer(domain="relay.test", selector="s", key=key),
        keys=KeyCache(query=lambda _: TxtAnswer(texts=(record,), ttl_s=3600)),
        header_budget=ByteBudget(64 << 20),
    )
    if kind == "read":
        vars(session)["Transaction"] = Reader
    new = partial(session.Session, policy, EACH_RECIPIENT)
    loop = Loop({listen_unix(path): new})
    threading.Thread(target=loop.run, args=(print, 0), daemon=True).start()
    for _ in sys.stdin:
        print(time.process_time(), flush=True)


if __name__ == "__main__":
    main()
