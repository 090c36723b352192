"""Rule O12: a message without a reachable recipient is refused."""

import pytest

from chatmaild.address import Address
from chatmaild.filter.envelope import Mailbox
from chatmaild.filter.recipients import RecipientLookup
from chatmaild.filter.rules import (
    DeliveryDoubt,
    Reachability,
    StoredSize,
    delivery_doubt,
    delivery_refusal,
)
from chatmaild.filter.verdicts import all_domains_blocked, mailbox_full, no_such_address

from .support.messages import DOMAIN, mailbox

HERE, GONE, LOST, FULL, CRAMMED = (
    mailbox(f"{name}@{DOMAIN}") for name in ("here", "gone", "lost", "full", "crammed")
)
BARRED = mailbox("carol@barred.example")
REACHABILITY = {
    HERE: Reachability.REACHABLE,
    GONE: Reachability.UNKNOWN,
    LOST: Reachability.UNKNOWN,
    BARRED: Reachability.BLOCKED,
    FULL: Reachability.NEARLY_FULL,
    CRAMMED: Reachability.NEARLY_FULL,
}


@pytest.mark.parametrize(
    ("recipients", "expected"),
    [
        ((), None),
        ((HERE,), None),
        ((GONE, HERE), None),
        ((FULL, GONE, HERE), None),
        ((GONE,), DeliveryDoubt(unknown=(GONE,))),
        ((GONE, LOST), DeliveryDoubt(unknown=(GONE, LOST))),
        ((BARRED,), DeliveryDoubt(blocked=(BARRED,))),
        ((BARRED, HERE), None),
        ((FULL,), DeliveryDoubt(nearly_full=(FULL,))),
        (
            (FULL, BARRED, GONE),
            DeliveryDoubt(unknown=(GONE,), blocked=(BARRED,), nearly_full=(FULL,)),
        ),
    ],
)
def test_one_reachable_recipient_is_enough(
    recipients: tuple[Mailbox, ...], expected: DeliveryDoubt | None
) -> None:
    """Messages to groups are accepted; failed recipients bounce."""
    assert expected == delivery_doubt(recipients, REACHABILITY.__getitem__)


def test_the_lookup_stops_at_the_first_reachable_recipient() -> None:
    """A group of 1000 costs few lookups."""
    asked: list[Mailbox] = []

    def reachability(address: Mailbox) -> Reachability:
        asked.append(address)
        return REACHABILITY[address]

    delivery_doubt([GONE, HERE, FULL], reachability)

    assert asked == [GONE, HERE]


def test_the_reply_names_an_unknown_account_first() -> None:
    """Then a blocked domain; a full mailbox may get room, and room in one mailbox is enough."""
    both = DeliveryDoubt(unknown=(GONE, LOST), blocked=(BARRED,), nearly_full=(FULL,))

    assert no_such_address(str(GONE)) == delivery_refusal(both, lambda _: False)
    assert delivery_refusal(both, lambda _: True) is None
    assert all_domains_blocked(str(BARRED)) == delivery_refusal(
        DeliveryDoubt(blocked=(BARRED,), nearly_full=(FULL,)), lambda _: False
    )
    full = DeliveryDoubt(nearly_full=(FULL, CRAMMED))
    assert mailbox_full(str(FULL)) == delivery_refusal(full, lambda _: False)
    assert delivery_refusal(full, lambda a: a == CRAMMED) is None


def test_replies_are_those_of_postfix_and_dovecot() -> None:
    """Postfix answers so at port 25, and Dovecot at delivery."""
    gone, full = no_such_address("x@y"), mailbox_full("x@y")

    assert (gone.code, gone.text) == (550, "5.1.1 <x@y>: Recipient address rejected: User unknown")
    assert (full.code, full.text) == (552, "5.2.2 <x@y> Quota exceeded (mailbox for user is full)")
    assert "x@y" not in gone.reason + full.reason


def test_the_size_is_the_size_on_disk() -> None:
    """A maildir has line ends of one byte; pieces from Postfix end at line ends."""
    size = StoredSize()
    for piece in (b"ab\r\n\r\n", b"c\r\n"):
        size.feed(piece)

    assert len(b"ab\n\nc\n") == size.bytes


class Addresses:
    """Alice has room; Bob's mailbox is nearly full."""

    def exists(self, address: Address) -> bool:
        """Both accounts exist."""
        return address.local in {"alice", "bob"}

    def is_nearly_full(self, address: Address) -> bool:
        """Bob's mailbox has the flag."""
        return address.local == "bob"

    def has_room(self, address: Address, size_bytes: int) -> bool:
        """Bob's mailbox has room for 100 bytes."""
        return address.local != "bob" or size_bytes <= 100


@pytest.mark.parametrize(
    ("address", "reachability"),
    [
        (f"alice@{DOMAIN}", Reachability.REACHABLE),
        (f"bob@{DOMAIN}", Reachability.NEARLY_FULL),
        (f"eve@{DOMAIN}", Reachability.UNKNOWN),
        (f'"alice"@{DOMAIN}', Reachability.REACHABLE),
        (f'"eve"@{DOMAIN}', Reachability.UNKNOWN),
        ("eve@peer.example", Reachability.REACHABLE),
        ("no/name@peer.example", Reachability.REACHABLE),
    ],
)
def test_reachability(address: str, reachability: Reachability) -> None:
    """Only mailboxes of our domain are looked up, in every spelling."""
    assert reachability == RecipientLookup(Addresses(), Addresses()).reachability(mailbox(address))


@pytest.mark.parametrize(
    ("address", "size_bytes", "has_room"),
    [
        (f"bob@{DOMAIN}", 100, True),
        (f"bob@{DOMAIN}", 101, False),
        ("bob@peer.example", 101, True),
    ],
)
def test_other_servers_are_not_asked_for_room(
    address: str, size_bytes: int, has_room: bool
) -> None:
    """The quota is that of our mailboxes."""
    found = RecipientLookup(Addresses(), Addresses()).has_room(mailbox(address), size_bytes)

    assert has_room is found
