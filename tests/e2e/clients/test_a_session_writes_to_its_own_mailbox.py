"""What a client may do that no client of ours does: APPEND in clear text, and COMPRESS."""

from __future__ import annotations

import zlib

from chatmail_testkit.people.person import Person

TEXT = b"From: a@b.test\r\nSubject: mine\r\n\r\nin clear text\r\n"
RAW_DEFLATE = -15


def test_clear_text_stays_in_the_own_mailbox(alice: Person, bob: Person) -> None:
    """APPEND stores any message (RFC 3501); it counts for the quota, nobody else gets it."""
    before = alice.imap.get_quota("INBOX")[0].usage
    alice.imap.append("INBOX", TEXT * 100)

    assert [letter.raw for letter in alice.inbox()] == [TEXT * 100]
    assert alice.imap.get_quota("INBOX")[0].usage > before
    assert bob.inbox() == []


def test_compression_is_not_offered_and_works(alice: Person) -> None:
    """Dovecot has no setting to refuse it: a client that asks for it anyway gets RFC 4978."""
    session = alice.logs_in()
    assert b"COMPRESS=DEFLATE" not in session.capabilities()

    connection = session._imap
    connection.send(b"A1 COMPRESS DEFLATE\r\n")
    answer = connection.readline()
    assert answer.startswith(b"A1 OK")
    deflate = zlib.compressobj(wbits=RAW_DEFLATE)
    connection.send(deflate.compress(b"A2 NOOP\r\n") + deflate.flush(zlib.Z_SYNC_FLUSH))
    inflate = zlib.decompressobj(RAW_DEFLATE)

    assert inflate.decompress(connection.sock.recv(4096)).startswith(b"A2 OK")
    connection.sock.close()
