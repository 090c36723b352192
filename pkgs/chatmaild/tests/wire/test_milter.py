"""The milter protocol without I/O, against packets that Postfix 3.10 has sent."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatmaild.errors import ProtocolError
from chatmaild.wire import milter

OFFER = bytes.fromhex("0000000d4f00000006000001ff001fffff")
# MAIL and RCPT of a submission, as Postfix sends them in one write when RCPT comes
ENVELOPE = (
    b"\0\0\0\x02DC\0\0\0\x02DH"
    b"\0\0\0\x76DM{daemon_name}\0submission\0{client_addr}\0IPv6:2001:db8::2\0"
    b"{auth_authen}\0ofjplxstx@a.test\0{mail_addr}\0ofjplxstx@a.test\0"
    b"\0\0\0\x14M<ofjplxstx@a.test>\0"
    b"\0\0\0\x1fDR{rcpt_addr}\0ofjplxstx@a.test\0"
    b'\0\0\0\x16R<"ofjplxstx"@a.test>\0'
)
CONTENT = (
    b"\0\0\0\x02DT\0\0\0\x01T\0\0\0\x02DL\0\0\0\x1aLFrom\0 <ofjplxstx@a.test>\0"
    b"\0\0\0\x02DL\0\0\0\x0cLX\0 1\n\tfold\0"
    b"\0\0\0\x02DN\0\0\0\x01N\0\0\0\x02DB\0\0\0\x06Bhello\0\0\0\x02DE\0\0\0\x01E"
)
PACKETS = [
    (milter.NEGOTIATE, OFFER[5:]),
    (milter.MACROS, ENVELOPE[17:134]),
    (milter.MAIL, b"<ofjplxstx@a.test>\0"),
    (milter.MACROS, b"R{rcpt_addr}\0ofjplxstx@a.test\0"),
    (milter.RCPT, b'<"ofjplxstx"@a.test>\0'),
    (milter.DATA, b""),
    (milter.HEADER, b"From\0 <ofjplxstx@a.test>\0"),
    (milter.HEADER, b"X\0 1\n\tfold\0"),
    (milter.END_OF_HEADER, b""),
    (milter.BODY, b"hello"),
    (milter.END_OF_MESSAGE, b""),
]


@pytest.mark.parametrize("step", [1, 2, 5, 7, 100, 10_000])
def test_packets_from_pieces_of_any_size(step: int) -> None:
    """In order, and empty macros are left out."""
    packets, stream, found = milter.Packets(), OFFER + ENVELOPE + CONTENT, []
    for at in range(0, len(stream), step):
        found += packets.feed(stream[at : at + step])

    assert found == PACKETS
    assert packets.is_between


def test_an_incomplete_packet_is_noticed() -> None:
    """A session in the middle of a packet cannot be handed over."""
    packets = milter.Packets()

    assert packets.feed(OFFER[:-1]) == []
    assert not packets.is_between


@pytest.mark.parametrize("length", [0, milter.MAX_PACKET_BYTES + 1, 0xFFFFFFFF])
def test_lengths_are_bounded(length: int) -> None:
    """Checked when the length is read, before the data is."""
    with pytest.raises(ProtocolError):
        milter.Packets().feed(struct.pack("!IB", length, milter.BODY))


def test_macros_have_a_stage() -> None:
    """Names keep their braces; the null sender has an empty value."""
    stage, macros = milter.parse_macros(b"M{daemon_name}\0smtp\0{mail_addr}\0\0")

    assert stage == milter.MAIL
    assert macros == {b"{daemon_name}": b"smtp", b"{mail_addr}": b""}


def test_fields_and_paths_are_read() -> None:
    """Parameters of MAIL and RCPT are not part of the path."""
    assert milter.parse_header(b"X\0 1\n\tfold\0") == (b"X", b" 1\n\tfold")
    assert milter.parse_header(b"X\0\0") == (b"X", b"")
    assert milter.first_argument(b"<a@b.test>\0SIZE=10\0BODY=8BITMIME\0") == b"<a@b.test>"


def test_the_negotiation_asks_for_nothing_that_is_not_read() -> None:
    """Stages without macros get one that does not exist, else Postfix sends those of main.cf."""
    wanted = milter.Options(version=6, actions=milter.MAY_ADD_HEADERS, steps=milter.NO_HELO)
    answer = milter.negotiation(wanted, {milter.MAIL: ("{mail_addr}", "i")})

    assert answer[:17] == struct.pack("!IB", len(answer) - 4, ord("O")) + struct.pack(
        "!III", 6, 1, 2
    )
    assert b"\0\0\0\2{mail_addr} i\0\0\0\0\3{none}\0" in answer
    assert answer.count(b"{none}") == len(milter.STAGES) - 1


@pytest.mark.parametrize(
    ("offer", "is_enough"),
    [
        (milter.Options(6, 0x1FF, 0x1FFFFF), True),
        (milter.Options(2, 0x1FF, 0x1FFFFF), False),
        (milter.Options(6, 0, 0x1FFFFF), False),
        (milter.Options(6, 0x1FF, 0), False),
    ],
)
def test_an_old_mail_server_is_recognised(offer: milter.Options, is_enough: bool) -> None:
    """Version, actions and steps must all be offered."""
    wanted = milter.Options(6, milter.MAY_CHANGE_SENDER, milter.UNANSWERED_BODY)

    assert offer.offers(wanted) is is_enough


def test_a_short_negotiation_is_none() -> None:
    """Twelve bytes at least."""
    with pytest.raises(ProtocolError):
        milter.Options.parse(b"\0\0\0\6")


def test_orders_are_written() -> None:
    """As mfdef.h has them."""
    assert milter.CONTINUE == b"\0\0\0\1c"
    assert milter.reply(550, "5.1.1 100% gone\r\nX") == b"\0\0\0\x19y550 5.1.1 100%% gone??X\0"
    assert milter.insert_header(b"A", b" b\r\n c") == b"\0\0\0\x0di\0\0\0\0A\0 b\n c\0"
    assert milter.change_header(b"A", 2, None) == b"\0\0\0\x08m\0\0\0\2A\0\0"
    assert milter.delete_recipient("a@b.test") == b"\0\0\0\x0c-<a@b.test>\0"
    assert milter.change_sender("") == b"\0\0\0\4e<>\0"
    assert [len(order) for order in milter.replace_body(b"x" * 65_536)] == [65_540, 6]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_any_stream_is_packets_or_an_error(stream: bytes, step: int) -> None:
    """The result does not depend on how it is cut."""
    assert outcome(stream, len(stream) or 1) == outcome(stream, step)


def outcome(stream: bytes, step: int) -> list[milter.Packet] | None:
    """The packets of a stream, None for an error."""
    packets, found = milter.Packets(), []
    try:
        for at in range(0, len(stream), step):
            found += packets.feed(stream[at : at + step])
    except ProtocolError:
        return None
    return found
