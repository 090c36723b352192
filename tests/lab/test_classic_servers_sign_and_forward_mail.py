"""The lab's classic mail server: login, DKIM, forwarding, bounces."""

import subprocess
import sys

import pytest
from chatmail_lab import Lab
from chatmail_testkit.waiting import ANSWER_S, PATIENCE_S

SEND_AND_WAIT = """
import imaplib, smtplib, ssl, sys, time
sender, recipient, reader, patience_s = *sys.argv[1:4], float(sys.argv[4])
with smtplib.SMTP("c.test", 587) as session:
    session.starttls(context=ssl.create_default_context())
    session.login(sender, "secret")
    head = f"From: {sender}\\nTo: {recipient}\\nSubject: hi\\n"
    session.sendmail(sender, [recipient], head + "\\nhello\\n")
deadline = time.monotonic() + patience_s
while time.monotonic() < deadline:
    with imaplib.IMAP4_SSL("c.test") as box:
        box.login(reader, "secret")
        box.select()
        numbers = box.search(None, "ALL")[1][0].split()
        if numbers:
            print(box.fetch(numbers[-1], "RFC822")[1][0][1].decode())
            sys.exit()
    time.sleep(0.1)
sys.exit("no message arrived")
"""


SEND_AT_ONCE = """
import smtplib, ssl, sys, threading
problems = []
def work():
    try:
        with smtplib.SMTP("c.test", 587) as session:
            session.starttls(context=ssl.create_default_context())
            session.login("alice@c.test", "secret")
            for number in range(20):
                head = f"From: alice@c.test\\nTo: bob@c.test\\nSubject: {number}\\n"
                session.sendmail("alice@c.test", ["bob@c.test"], head + "\\nhello\\n")
    except Exception as error:
        problems.append(repr(error))
threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit("\\n".join(problems) or None)
"""


@pytest.fixture(scope="module")
def people(running: Lab) -> Lab:
    """Three mailboxes, and two forwarders: to a mailbox and to an unknown one."""
    server = running.relay("c.test")
    for name in ("alice", "bob", "carol"):
        server.exec(["mailuser", name, "secret"])
    server.exec(["mailforward", "office", "alice@c.test"])
    server.exec(["mailforward", "left", "nobody@c.test"])
    return running


def _received(lab: Lab, sender: str, recipient: str, reader: str) -> str:
    script = [sys.executable, "-c", SEND_AND_WAIT, sender, recipient, reader, str(PATIENCE_S)]
    done = subprocess.run(
        lab.command("client", script),
        capture_output=True,
        text=True,
        timeout=2 * ANSWER_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    return done.stdout


def test_mail_is_signed_and_forwarded(people: Lab) -> None:
    """The server's key signs it; the envelope sender stays."""
    message = _received(people, "bob@c.test", "office@c.test", "alice@c.test")

    assert "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/simple; d=c.test; s=mail;" in message
    assert "Return-Path: <bob@c.test>" in message


def test_a_bounce_is_signed(people: Lab) -> None:
    """A relay accepts only a signed one."""
    message = _received(people, "carol@c.test", "left@c.test", "carol@c.test")

    assert "Return-Path: <>" in message
    assert "d=c.test; s=mail;" in message
    assert "MAILER-DAEMON@c.test" in message


def test_many_messages_at_once_are_signed(people: Lab) -> None:
    """OpenDKIM's resolver works with several threads."""
    script = [sys.executable, "-c", SEND_AT_ONCE]
    done = subprocess.run(
        people.command("client", script),
        capture_output=True,
        text=True,
        timeout=2 * ANSWER_S,
        check=False,
    )

    assert done.returncode == 0, done.stderr
