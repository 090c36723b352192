"""What a store has besides accounts, and others need: invites, and names of deleted addresses.

An invite belongs to the store that its token is placed at, and is handed over as accounts are.

A name that was deleted lately must stay refused wherever it would get a place. The store where it
was deleted knows a keyed hash of it alone, so every store gets all of these, with their key.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from chatmaild.rebalance.peer import Peer
from chatmaild.store.invites import Invite, Invites
from chatmaild.store.tombstones import HASH_BYTES, Tombstones

_PIECE_BYTES: Final = 3000 * HASH_BYTES


def keep_invite(invites: Invites, content: Mapping[str, Any]) -> None:
    """Keep an invite that another store sends.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    expires_s = content["expires_s"]
    invite = Invite(
        token=str(content["token"]),
        uses_left=int(content["uses_left"]),
        expires_s=None if expires_s is None else int(expires_s),
    )
    invites.keep(invite)


def send_invites(
    invites: Invites,
    own: str,
    place_of: Callable[[str], str | None],
    peer_of: Callable[[str], Peer],
) -> None:
    """Hand over the invites that belong to other stores.

    Args:
        own: the name of this store.
        place_of: tells the store of a token; None if there is none.

    Raises:
        StoreDownError: a store gives no answer.
    """
    for token in invites.leaving(lambda token: place_of(token) in (own, None)):
        store = place_of(token)
        if store is None or store == own:
            invites.hand_over(token, invites.keep)
            continue
        peer = peer_of(store)

        def send(invite: Invite, peer: Peer = peer) -> None:
            content = {"uses_left": invite.uses_left, "expires_s": invite.expires_s}
            peer.tell("/invite", {"token": invite.token, **content})

        invites.hand_over(token, send)


class Deleted:
    """Sends the names of deleted addresses to the other stores, what is new of them."""

    def __init__(self, tombstones: Tombstones, own: str) -> None:
        self._tombstones = tombstones
        self._own = own
        # how much of each file a store has
        self._sent: dict[tuple[str, str, str], int] = {}

    def send(self, peer: Peer) -> None:
        """Send what a store does not have yet.

        Raises:
            StoreDownError: it gives no answer.
            OSError: a file cannot be read.
        """
        for store, name, content in self._tombstones.files(self._own):
            if store == peer.name:
                continue
            key = peer.name, store, name
            for at in range(self._sent.get(key, 0), len(content), _PIECE_BYTES):
                piece = content[at : at + _PIECE_BYTES]
                peer.ask("/deleted", piece, of=store, name=name, at=str(at))
                self._sent[key] = at + len(piece)
