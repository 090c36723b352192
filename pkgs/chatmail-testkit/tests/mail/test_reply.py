"""A transaction stops at the first refusal."""

from __future__ import annotations

from chatmail_testkit.mail.reply import Reply, transaction


class Session:
    """Answers 250 to all commands but those with another answer."""

    def __init__(self, **others: int) -> None:
        self.others = others
        self.commands: list[str] = []

    def command(self, line: str) -> Reply:
        """Records the command."""
        self.commands.append(line)
        return Reply(self.others.get(line[:4], 250), line)

    def data(self, message: bytes) -> Reply:
        """Records the message."""
        self.commands.append(message.decode())
        return Reply(self.others.get("DATA", 250), "message")


def test_accepted() -> None:
    """The last reply is that to the message."""
    session = Session()

    assert transaction(session, "a@b.test", ["c@d.test", "e@f.test"], b"x") == (250, "message")
    assert session.commands == [
        *("MAIL FROM:<a@b.test>", "RCPT TO:<c@d.test>", "RCPT TO:<e@f.test>", "x")
    ]


def test_refused_before_the_message() -> None:
    """The session is reset; no further recipient is tried."""
    session = Session(RCPT=550)

    assert transaction(session, "", ["c@d.test", "e@f.test"], b"x").code == 550
    assert session.commands == ["MAIL FROM:<>", "RCPT TO:<c@d.test>", "RSET"]


def test_a_refused_message() -> None:
    """The reply is a value, too."""
    assert transaction(Session(DATA=523), "", ["c@d.test"], b"x") == (523, "message")
