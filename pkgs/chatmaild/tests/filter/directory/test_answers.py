"""The directory's answers for one message."""

import contextlib
import pathlib
from collections.abc import Iterator

import pytest

from chatmaild.address import parse_address
from chatmaild.errors import DirectoryError
from chatmaild.filter.directory.answers import Answers
from chatmaild.filter.directory.client import Directory
from chatmaild.wire.http1 import json_response

from ..support.front import HERE, UNAVAILABLE, StandIn
from ..support.messages import ALICE, BOB, DOMAIN

ACCOUNT = parse_address(ALICE)
TAGGED = parse_address(f"alice+tag@{DOMAIN}")
OTHER = parse_address(BOB)
PATH = f"/address {ALICE}"


@pytest.fixture
def stand_in(socket_directory: pathlib.Path) -> Iterator[StandIn]:
    """A directory that knows Alice."""
    directory = StandIn(str(socket_directory / "directory.sock"))
    directory.known[ALICE] = HERE
    with directory.running():
        yield directory


@pytest.fixture
def answers(stand_in: StandIn, socket_directory: pathlib.Path) -> Iterator[Answers]:
    """No answers yet."""
    assert not stand_in.asked
    with contextlib.closing(Directory(str(socket_directory / "directory.sock"))) as directory:
        yield Answers(directory)


def test_one_question_for_all_facts(stand_in: StandIn, answers: Answers) -> None:
    """Also where it was asked for in time, and for tags."""
    for _ in range(2):
        for address in (ACCOUNT, TAGGED):
            assert answers.exists(address)
            assert not answers.is_disabled(address)
            assert not answers.accepts_clear_text(address)
            assert not answers.is_nearly_full(address)
    answers.ask((ACCOUNT, TAGGED, OTHER))
    assert not answers.exists(OTHER)
    assert not answers.is_disabled(OTHER)
    assert not answers.accepts_clear_text(OTHER)
    assert not answers.is_nearly_full(OTHER)

    assert stand_in.asked == {PATH: 1, f"/address {BOB}": 1}


def test_the_next_message_asks_again(stand_in: StandIn, answers: Answers) -> None:
    """A decision of the operator counts at once."""
    assert not answers.is_disabled(ACCOUNT)
    stand_in.known[ALICE] = HERE | {"disabled": True, "enforces": False, "nearly_full": True}
    next_answers = answers.of_message()

    assert not next_answers.know((ACCOUNT,))
    assert next_answers.is_disabled(ACCOUNT)
    assert next_answers.accepts_clear_text(ACCOUNT)
    assert next_answers.is_nearly_full(ACCOUNT)
    assert next_answers.know((ACCOUNT, TAGGED))
    assert not answers.is_disabled(ACCOUNT)
    assert stand_in.asked == {PATH: 2}


def test_what_is_not_known_is_no_answer(stand_in: StandIn, answers: Answers) -> None:
    """Each fact is missing, and a later question may be answered."""
    stand_in.answers[ALICE] = json_response({}, 500)
    for fact in (
        answers.is_in_doubt,
        answers.exists,
        answers.is_disabled,
        answers.accepts_clear_text,
        answers.is_nearly_full,
    ):
        with pytest.raises(DirectoryError):
            fact(ACCOUNT)
    del stand_in.answers[ALICE]

    assert answers.exists(ACCOUNT)


def test_the_store_does_not_answer(stand_in: StandIn, answers: Answers) -> None:
    """Mail for the address is accepted if it is encrypted; it is asked for once in a message."""
    stand_in.answers[ALICE] = UNAVAILABLE

    assert answers.is_in_doubt(TAGGED)
    assert answers.exists(ACCOUNT)
    assert not answers.is_disabled(ACCOUNT)
    assert not answers.accepts_clear_text(ACCOUNT)
    assert not answers.is_nearly_full(ACCOUNT)
    assert answers.has_room(ACCOUNT, 1)
    assert not answers.is_in_doubt(OTHER)
    assert stand_in.asked == {PATH: 1, f"/room {ALICE}": 1, f"/address {BOB}": 1}


def test_room_is_that_of_the_account(stand_in: StandIn, answers: Answers) -> None:
    """The store knows no tags."""
    stand_in.room[ALICE] = 10

    assert answers.has_room(TAGGED, 10)
    assert not answers.has_room(TAGGED, 11)
