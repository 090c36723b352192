"""On a front the directory tells the filter about addresses; people of a silent store wait."""

import contextlib
import json
import pathlib
import signal
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from chatmaild.filter.directory.answers import Answers
from chatmaild.filter.directory.client import Directory
from chatmaild.filter.milter.negotiation import DIRECT, EACH_RECIPIENT, WHOLE_MESSAGE, Mode
from chatmaild.filter.milter.session import Session
from chatmaild.filter.policy import Policy
from chatmaild.filter.service import policy_of
from chatmaild.settings import Settings
from chatmaild.wire import milter
from chatmaild.wire.loop import State

from ...waiting import until
from ..support.front import FRONT, HERE, UNAVAILABLE, StandIn, kinds, send
from ..support.messages import ALICE, BOB, DOMAIN, EVE, encrypted
from ..support.process import FdStore, Filter, Mta

ACCEPTED = (b"c", b"")
LATER = (b"y", b"451 4.4.3 The mailbox cannot be looked up now, try again later\0")
CAROL, DAVE = f"carol@{DOMAIN}", f"dave@{DOMAIN}"
# of a server without a name, which needs no DKIM key
FROM_LITERAL = "eve@[192.0.2.1]"


@pytest.fixture
def settings_json(settings_json: dict[str, Any]) -> dict[str, Any]:
    """The settings of a front."""
    return settings_json | {"cluster": settings_json["cluster"] | FRONT}


@pytest.fixture
def settings_file(
    dkim_file: pathlib.Path, settings_json: dict[str, Any], tmp_path: pathlib.Path
) -> pathlib.Path:
    """The settings of a machine without mailboxes."""
    assert dkim_file.exists()
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))
    return file


@pytest.fixture
def directory(settings: Settings) -> Iterator[StandIn]:
    """Alice and Bob are somewhere; the store of Carol does not answer; Dave is unknown."""
    stand_in = StandIn(settings.sockets.directory)
    stand_in.known |= {ALICE: HERE, BOB: HERE}
    stand_in.answers[CAROL] = UNAVAILABLE
    with stand_in.running():
        yield stand_in


@pytest.fixture
def served(settings: Settings, settings_file: pathlib.Path) -> Iterator[Filter]:
    """A running filter, as Postfix meets it at port 25."""
    running = Filter(settings.sockets.milter, settings_file)
    yield running
    running.end()


@pytest.fixture
def submission(served: Filter, mta: Mta, settings: Settings) -> Iterator[Mta]:
    """A connection for mail of the people of this relay."""
    connection = Mta.connected(settings.sockets.milter_submission)
    connection.negotiate()
    yield connection
    connection.close()


def test_each_recipient_has_its_answer(directory: StandIn, mta: Mta) -> None:
    """The others get the message, and each address is asked for once in a message."""
    for number in (1, 2):
        answers = mta.envelope("smtp", FROM_LITERAL, BOB, CAROL, DAVE, ALICE)
        assert answers == [
            ACCEPTED,
            LATER,
            (b"y", b"550 5.1.1 Recipient address rejected: User unknown\0"),
            ACCEPTED,
        ]
        assert mta.content(FROM_LITERAL, body=encrypted()) == [ACCEPTED]

        expected = {f"/address {name}": number for name in (ALICE, BOB, CAROL, DAVE)}
        assert directory.asked == expected


def test_flags_of_recipients(directory: StandIn, mta: Mta) -> None:
    """Disabled ones are removed; clear text is for those who take it."""
    directory.known[BOB] = HERE | {"disabled": True}
    assert mta.envelope("smtp", FROM_LITERAL, ALICE, BOB) == [ACCEPTED] * 2
    removed = (b"-", f"<{BOB}>".encode() + b"\0")
    assert mta.content(FROM_LITERAL, body=encrypted()) == [removed, ACCEPTED]
    for enforces, answer in ((True, b"y523 Encry"), (False, b"c")):
        directory.known[ALICE] = HERE | {"enforces": enforces}
        assert mta.envelope("smtp", FROM_LITERAL, ALICE) == [ACCEPTED]
        assert kinds(mta.content(FROM_LITERAL, body=b"clear\r\n")) == [answer]


def test_https_and_bounces_wait_for_nobody(directory: StandIn, mta: Mta) -> None:
    """One reply answers all recipients; Postfix keeps what is for Carol, and Dave's bounces."""
    for ingress, sender in (("mxdeliv", FROM_LITERAL), ("bounce", "")):
        for recipients in ((BOB, DAVE), (BOB, CAROL), (CAROL,)):
            assert mta.envelope(ingress, sender, *recipients) == [ACCEPTED] * len(recipients)
            found = mta.content(FROM_LITERAL, body=encrypted())
            assert found[-1] == ACCEPTED
            assert b"-" not in [action for action, _ in found]
    assert directory.asked[f"/address {BOB}"] == 4


def test_clear_text_waits_for_the_store(directory: StandIn, mta: Mta) -> None:
    """Over HTTPS the operator may have allowed it for Carol, but for Alice nobody has."""
    directory.known[BOB] = HERE | {"enforces": False}
    for recipients, answer in (
        ((BOB,), b"c"),
        ((BOB, CAROL), b"y451 4.4.3"),
        ((CAROL,), b"y451 4.4.3"),
        ((ALICE, CAROL), b"y523 Encry"),
    ):
        assert mta.envelope("mxdeliv", FROM_LITERAL, *recipients) == [ACCEPTED] * len(recipients)
        assert kinds(mta.content(FROM_LITERAL, body=b"clear\r\n")) == [answer]


def test_mail_of_people(directory: StandIn, submission: Mta) -> None:
    """Sender and recipients are asked for while the content arrives."""
    assert send(submission, BOB) == [b"c"]
    assert directory.asked == {f"/address {ALICE}": 1, f"/address {BOB}": 1}
    assert send(submission, DAVE) == [b"y550 5.1.1"]
    assert send(submission, DAVE, BOB) == [b"c"]
    assert send(submission, EVE)[-1:] == [b"c"]
    directory.known[ALICE] = HERE | {"disabled": True}
    assert send(submission, BOB) == [b"d"]
    directory.answers[ALICE] = UNAVAILABLE
    assert send(submission, EVE) == [b"y451 4.4.3"]


def test_mail_of_people_to_a_store_that_does_not_answer(
    directory: StandIn, submission: Mta
) -> None:
    """It is accepted, also where the others do not exist, or have no room; clear text never."""
    directory.known[BOB] = HERE | {"nearly_full": True}
    for recipients in ((CAROL,), (CAROL, ALICE), (DAVE, CAROL), (BOB, CAROL)):
        assert send(submission, *recipients) == [b"c"]
        assert send(submission, *recipients, body=b"clear\r\n") == [b"y523 Encry"]
    assert send(submission, BOB, DAVE) == [b"y550 5.1.1"]


def test_the_store_of_the_sender_does_not_answer(directory: StandIn, submission: Mta) -> None:
    """The address may be disabled, so the client keeps the message; it is asked for first."""
    directory.answers[ALICE] = UNAVAILABLE
    assert send(submission, BOB) == [b"y451 4.4.3"]
    assert send(submission, ALICE) == [b"y451 4.4.3"]
    del directory.answers[ALICE]
    directory.held |= {f"name{number}@{DOMAIN}" for number in range(20)}
    assert send(submission, *sorted(directory.held), BOB) == [b"c"]


def test_room(directory: StandIn, submission: Mta) -> None:
    """The store is asked if a mailbox is nearly full; in doubt it has room."""
    directory.known[BOB] = HERE | {"nearly_full": True}
    assert send(submission, BOB) == [b"y552 5.2.2"]
    directory.room[BOB] = 10000
    assert send(submission, BOB) == [b"c"]
    assert directory.asked[f"/room {BOB}"] == 2
    del directory.room[BOB]
    directory.answers[f"/room {BOB}"] = UNAVAILABLE
    assert send(submission, BOB) == [b"c"]


def test_messages_past_the_queue(directory: StandIn, mta: Mta, settings: Settings) -> None:
    """The recipient must exist, because no queue manager asks."""
    direct = Mta.connected(settings.sockets.milter_direct)
    direct.negotiate()
    for recipient, answer in ((BOB, b"c"), (CAROL, b"y451 4.4.3"), (DAVE, b"y550 5.1.1")):
        direct.send_envelope("mxdeliv", FROM_LITERAL, recipient)
        assert kinds(direct.content(FROM_LITERAL, body=encrypted())) == [answer]
        assert directory.asked[f"/address {recipient}"] == 1
    direct.close()


def test_other_sessions_go_on_while_one_waits(
    directory: StandIn, mta: Mta, submission: Mta
) -> None:
    """The directory may need a second."""
    directory.is_open.clear()
    mta.send_envelope("smtp", FROM_LITERAL, ALICE)
    until(lambda: bool(directory.asked))

    submission.send_envelope("submission", ALICE, "no mailbox")
    assert kinds(submission.content(ALICE, body=encrypted())) == [b"y501 5.1.3"]
    directory.is_open.set()
    assert mta.receive() == ACCEPTED


def test_without_a_directory_mail_waits(
    served: Filter, mta: Mta, submission: Mta, settings: Settings
) -> None:
    """One line in the log, without an address; later it is asked again."""
    assert mta.envelope("smtp", FROM_LITERAL, ALICE, BOB) == [LATER] * 2
    mta.send(b"A")
    assert send(submission, BOB) == [b"y451 4.4.3"]
    stand_in = StandIn(settings.sockets.directory)
    stand_in.known |= {ALICE: HERE, BOB: HERE}
    with stand_in.running():
        assert mta.envelope("smtp", FROM_LITERAL, ALICE) == [ACCEPTED]
        assert send(submission, BOB) == [b"c"]
    mta.close()
    submission.close()
    log = served.stop()

    assert log.count("the directory does not answer") == 1
    assert "@" not in log


def test_sessions_go_on_in_the_next_process(
    directory: StandIn, settings: Settings, settings_file: pathlib.Path, store: FdStore
) -> None:
    """It asks anew when the next packet arrives: a recipient that is gone refuses the message."""
    first = Filter(settings.sockets.milter, settings_file, store)
    idle, right, gone, away = (first.connection() for _ in range(4))
    for mta, name in ((right, ALICE), (gone, BOB), (away, ALICE)):
        assert mta.envelope("smtp", FROM_LITERAL, name) == [ACCEPTED]
    for round_ in range(3):
        first.process.send_signal(signal.SIGTERM)
        first.ends(store)
        asked = directory.asked.copy()
        first = Filter(settings.sockets.milter, settings_file, store)
        first.connection().close()
        assert asked == directory.asked, round_
    try:
        del directory.known[BOB]
        for mta, answer in ((right, b"c"), (gone, b"y451 4.3.0")):
            assert kinds(mta.content(FROM_LITERAL, body=encrypted())) == [answer]
            assert mta.envelope("smtp", FROM_LITERAL, ALICE) == [ACCEPTED]
        directory.answers[ALICE] = UNAVAILABLE
        assert kinds(away.content(FROM_LITERAL, body=encrypted())) == [b"y451 4.3.0"]
        del directory.answers[ALICE]
        for mta in (away, idle):
            assert mta.envelope("smtp", FROM_LITERAL, ALICE) == [ACCEPTED]
            assert mta.content(FROM_LITERAL, body=encrypted()) == [ACCEPTED]
    finally:
        for mta in (idle, right, gone, away):
            mta.close()
        first.end()


@pytest.mark.usefixtures("directory")
@pytest.mark.parametrize(
    ("mode", "ingress"),
    [
        (EACH_RECIPIENT, "smtp"),
        (EACH_RECIPIENT, "mxdeliv"),
        (WHOLE_MESSAGE, "mxdeliv"),
        (DIRECT, "mxdeliv"),
    ],
)
def test_the_next_process_gets_each_packet_once(
    policy: Policy, settings: Settings, mode: Mode, ingress: str
) -> None:
    """Also those that had to wait for the directory, and were taken a second time."""
    macros = f"{{daemon_name}}\0{ingress}\0{{mail_addr}}\0{EVE}\0".encode()
    envelope = b"".join(
        (
            milter.packet(b"D", b"M" + macros),
            milter.packet(b"M", f"<{EVE}>\0".encode()),
            *(
                milter.packet(b"D", b"R" + f"{{rcpt_addr}}\0{name}\0".encode())
                + milter.packet(b"R", f"<{name}>\0".encode())
                for name in (ALICE, BOB)
            ),
            milter.packet(b"T"),
        )
    )
    with contextlib.closing(Directory(settings.sockets.directory)) as directory:
        session = Session(policy.answered_by(Answers(directory)), mode)
        session.receive(milter.packet(b"O", struct.pack("!III", *mode.options)))
        work = session.receive(envelope)
        assert not isinstance(work, bytes)

        assert work() == milter.CONTINUE * (2 if mode.answers_recipients else 0)
        assert session.state == State(mode.fd_name_prefix, envelope)


@pytest.mark.usefixtures("dkim_file")
def test_the_disk_of_a_front_is_no_answer(settings: Settings) -> None:
    """It has no mailboxes, so every address would be unknown, and none disabled."""
    policy = policy_of(settings)

    for flags in (policy.flags, policy.of_message().flags):
        assert type(flags).__name__ == "Answers"
    assert policy.of_message().flags is not policy.of_message().flags
