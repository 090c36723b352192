"""The operator's command, as it is typed: what it prints, what it changes, how it fails.

Over 300 lines: one command, tried in order of its sub-commands.
"""

import io
import json
import pathlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import dns.message
import dns.rrset
import pytest

from chatmaild import cli
from chatmaild.address import parse_address
from chatmaild.dkim import keys
from chatmaild.operator import cli as operator_cli
from chatmaild.operator import dns as work
from chatmaild.operator import privileges, status
from chatmaild.operator.authority import Authority
from chatmaild.settings import DnsRecord, Settings
from chatmaild.store.invites import Invites
from chatmaild.store.mailboxes import Mailboxes
from chatmaild.store.passwords import verify_password

ALICE = "alice1234@chat.example.org"
ACCOUNT = parse_address(ALICE)
Chatmail = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Lines for the journal, instead of the journal; and nobody is root."""
    lines: list[str] = []
    monkeypatch.setattr("os.geteuid", lambda: 1000)

    def audit(text: str, *arguments: object) -> None:
        lines.append(text % arguments)

    for module in ("addresses", "migration", "registration"):
        monkeypatch.setattr(f"chatmaild.operator.{module}.audit", audit)
    return lines


@pytest.fixture
def chatmail(
    settings_json: dict[str, Any],
    tmp_path: pathlib.Path,
    capsys: pytest.CaptureFixture[str],
    audited: list[str],
) -> Chatmail:
    """Run `chatmail ARGUMENTS`: exit code and lines of both outputs."""
    file = tmp_path / "settings.json"
    file.write_text(json.dumps(settings_json))

    def run(*arguments: str) -> tuple[int, list[str]]:
        code = cli.exit_code(
            lambda: operator_cli.group(["--settings", str(file), *arguments], standalone_mode=False)
        )
        captured = capsys.readouterr()
        return code, (captured.out + captured.err).splitlines()

    return run


def test_the_life_of_an_address(
    chatmail: Chatmail, mailboxes: Mailboxes, audited: list[str]
) -> None:
    """create, list, show, disable, enable, passwd, delete."""
    code, (address, password) = chatmail("address", "create", "Alice1234")
    assert (code, address) == (0, ALICE)
    assert verify_password(password.encode(), mailboxes.password_hash(ACCOUNT) or "")

    assert chatmail("address", "disable", "alice1234") == (0, [f"disabled {ALICE}"])
    assert mailboxes.is_disabled(ACCOUNT)
    assert chatmail("address", "list")[1][0].startswith(f"{ALICE}  20")
    assert chatmail("address", "list")[1][0].endswith("  disabled")
    assert len(chatmail("address", "list", "--disabled")[1]) == 1
    chatmail("address", "enable", ALICE)
    assert chatmail("address", "list", "--disabled") == (0, [])
    assert "state            active" in chatmail("address", "show", ALICE)[1]
    changed = chatmail("address", "passwd", ALICE)[1][1]
    assert verify_password(changed.encode(), mailboxes.password_hash(ACCOUNT) or "")
    assert chatmail("address", "delete", "--yes", ALICE) == (0, [f"deleted {ALICE}"])

    assert not mailboxes.exists(ACCOUNT)
    assert audited == [
        "address created",
        "address disabled",
        "address enabled",
        "password of an address changed",
        "address deleted",
    ]


def test_an_address_may_begin_with_a_hyphen(chatmail: Chatmail, mailboxes: Mailboxes) -> None:
    """It comes after `--`."""
    address = parse_address("-lice1234@chat.example.org")
    mailboxes.create(address, "hash", now_s=time.time())

    for command in ("show", "disable", "enable", "passwd", "delete"):
        options = ["--yes"] if command == "delete" else []
        assert chatmail("address", command, *options, "--", str(address))[0] == 0

    assert not mailboxes.exists(address)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("address", "show", "nobody123"), "there is no such address"),
        (("address", "delete", "--yes", "nobody123"), "there is no such address"),
        (("address", "disable", "nobody123"), "there is no such address"),
        (("address", "passwd", "nobody123"), "there is no such address"),
        (("address", "show", "a@other.example.org"), "end with @chat.example.org"),
        (("address", "show", "../../x"), "an address has"),
        (("address", "create", "short"), "a name before the @ has 9 characters"),
        (("address", "create", "nine+char"), "made of abcdefghijklmnopqrstuvwxyz0123456789._-"),
        (("address", "delete", "nobody123"), "there is no such address"),
        (("invite", "create", "--expires", "soon"), "a lifetime is a number and h, d or w"),
        (("invite", "revoke", "unknown-token"), "there is no such invite"),
        (("invite", "revoke", "../../x"), "there is no such invite"),
    ],
)
def test_mistakes_get_one_line_and_1(
    chatmail: Chatmail, arguments: tuple[str, ...], message: str
) -> None:
    """Bad input changes nothing."""
    code, (line,) = chatmail(*arguments)

    assert code == 1
    assert message in line


def test_wrong_usage_is_2(chatmail: Chatmail) -> None:
    """As click has it."""
    assert chatmail("invite", "create", "--uses", "0")[0] == 2
    assert chatmail("nothing")[0] == 2


def test_an_existing_address_is_not_made_again(chatmail: Chatmail, mailboxes: Mailboxes) -> None:
    """Its password stays."""
    mailboxes.create(ACCOUNT, "hash", now_s=time.time())

    assert chatmail("address", "create", ALICE) == (1, ["error: the address exists"])
    assert mailboxes.password_hash(ACCOUNT) == "hash"


@pytest.mark.parametrize("command", ["create", "passwd"])
def test_an_empty_line_is_no_password(
    chatmail: Chatmail, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Somebody who gives one does not want a random one."""
    mailboxes.create(ACCOUNT, "hash", now_s=time.time())
    monkeypatch.setattr("sys.stdin", io.StringIO("\n"))
    name = ALICE if command == "passwd" else "carol5678"

    code, (line,) = chatmail("address", command, name, "--password-stdin")

    assert (code, line) == (1, "error: a password has at least 9 characters")
    assert list(mailboxes.addresses()) == [ACCOUNT]
    assert mailboxes.password_hash(ACCOUNT) == "hash"


def test_deletion_is_asked_for(
    chatmail: Chatmail, mailboxes: Mailboxes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the whole address; no answer is a no."""
    mailboxes.create(ACCOUNT, "hash", now_s=time.time())
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    code, lines = chatmail("address", "delete", "alice1234")

    assert code == 1
    assert f"Delete {ALICE} and all its mail?" in lines[0]
    assert "nothing was done" in lines[-1]
    assert mailboxes.exists(ACCOUNT)


def test_registration_is_closed_and_opened(chatmail: Chatmail, settings: Settings) -> None:
    """And the status says what is in the way."""
    assert chatmail("registration", "status")[1][0] == "open"
    assert chatmail("registration", "close")[1][0] == "closed: only with an invite"
    assert chatmail("registration", "status")[1][0] == "closed: only with an invite"
    pathlib.Path(settings.registration.stop_file).touch()
    assert "stopped: " in chatmail("registration", "status")[1][1]
    assert chatmail("registration", "open")[1][0] == "open"
    assert chatmail("registration", "status")[1][0] == "open"


def test_invites(chatmail: Chatmail, settings: Settings) -> None:
    """A link is printed, listed and revoked."""
    code, (link,) = chatmail("invite", "create", "--uses", "5", "--expires", "7d")
    assert code == 0
    assert link.startswith("DCACCOUNT:https://chat.example.org/new?")

    (line,) = chatmail("invite", "list")[1]

    assert line.startswith(f"{link}  5 uses left, until 20")
    (invite,) = Invites.of(settings).all()
    assert 7 * 86400 - 60 < (invite.expires_s or 0) - time.time() <= 7 * 86400
    assert chatmail("invite", "revoke", link) == (0, ["revoked"])
    assert chatmail("invite", "list") == (0, [])


def test_status_counts_people_and_tests_apart(chatmail: Chatmail, mailboxes: Mailboxes) -> None:
    """Addresses that begin with ci- belong to automatic tests."""
    mailboxes.create(ACCOUNT, "hash", now_s=time.time())
    mailboxes.create(
        parse_address("ci-123456@chat.example.org"), "hash", now_s=time.time() - 20 * 86400
    )

    lines = chatmail("status")[1]

    assert "addresses      2: 1 of people, 1 of tests" in lines
    assert any(line.endswith("1 in 1, 1 in 10, 2 in 30, 2 in 40, 2 in 80 days") for line in lines)


def test_status_says_why_a_given_certificate_is_not_used(
    chatmail: Chatmail, settings: Settings
) -> None:
    """While every unit is active, nothing else does."""
    assert not any(line.startswith("certificate ") for line in chatmail("status")[1])

    problem = pathlib.Path(settings.directories.tls) / "problem"
    problem.write_text("/c.pem and /k.pem do not belong together\n")

    assert "certificate    /c.pem and /k.pem do not belong together" in chatmail("status")[1]


@pytest.mark.parametrize(("most", "told"), [("128", True), ("65535", False)])
def test_status_tells_what_a_container_may_not(
    chatmail: Chatmail,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: pathlib.Path,
    most: str,
    told: bool,
) -> None:
    """Its host sets the limits of the kernel."""
    (tmp_path / "instances").write_text(f"{most}\n")
    monkeypatch.setattr(status, "WATCHES", tmp_path / "instances")

    assert told == any(line.startswith("waiting ") for line in chatmail("status")[1])


def test_mailboxes_of_another_server_are_taken_over(
    chatmail: Chatmail, mailboxes: Mailboxes, tmp_path: pathlib.Path
) -> None:
    """With passwords, messages and markers; existing addresses stay, strangers are counted."""
    source = tmp_path / "other"
    old_hash = (
        "{SHA512-CRYPT}$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4O"
        "TLiBFdcbYEdFCoEOfaS35inz1"
    )
    here = parse_address("here12345@chat.example.org")
    for name in (ALICE, str(here), "x@other.example.org", "lost+found"):
        (source / name / "cur").mkdir(parents=True)
        (source / name / "password").write_text(old_hash)
    (source / ALICE / "cur" / "1700000000.M1P1.host,S=3:2,S").write_text("abc")
    (source / ALICE / "dovecot.index.cache").write_text("x")
    (source / "nobody123@chat.example.org").mkdir()
    mailboxes.create(here, "own", now_s=time.time())

    code, lines = chatmail("address", "import", str(source))

    assert code == 0
    assert (
        "imported 1 addresses; 1 existed and stayed as they were;"
        " 3 directories are no addresses of this relay" in lines
    )
    assert verify_password(b"Hello world!", mailboxes.password_hash(ACCOUNT) or "")
    assert mailboxes.password_hash(here) == "own"
    assert sorted(p.name for p in mailboxes.path(ACCOUNT).rglob("*")) == [
        "1700000000.M1P1.host,S=3:2,S",
        "cur",
        "password",
    ]
    assert mailboxes.path(ACCOUNT).stat().st_mode & 0o777 == 0o710
    assert chatmail("address", "import", str(tmp_path / "nothing"))[0] == 1


ZONE = [
    {"name": "chat.example.org", "type": "A", "required": True, "value": None},
    {"name": "chat.example.org", "type": "MX", "required": True, "value": "10 chat.example.org."},
    {
        "name": "chatmail._domainkey.chat.example.org",
        "type": "TXT",
        "required": True,
        "dkimSelector": "chatmail",
    },
    {"name": "_dmarc.chat.example.org", "type": "TXT", "required": False, "value": "v=DMARC1;p=x"},
]


@pytest.fixture
def settings_json(settings_json: dict[str, Any]) -> dict[str, Any]:
    """Settings with a small zone."""
    return settings_json | {"dns": ZONE}


def test_the_zone_is_printed_with_the_key(chatmail: Chatmail, settings: Settings) -> None:
    """Long TXT records are split at 255 characters, or in one piece with --plain."""
    keys.ensure_keys(settings)

    _, mx, dkim, dmarc = chatmail("dns")[1]

    assert mx == "chat.example.org. 3600 IN MX 10 chat.example.org."
    assert dkim.startswith('chatmail._domainkey.chat.example.org. 3600 IN TXT "v=DKIM1;k=rsa;p=')
    assert all(len(piece) <= 255 for piece in dkim.split('"')[1::2])
    assert dmarc == '_dmarc.chat.example.org. 3600 IN TXT "v=DMARC1;p=x"'
    plain = chatmail("dns", "--plain")[1][2]
    assert plain.endswith(";s=email;t=s")
    assert '"' not in plain


def test_a_missing_key_is_one_line(chatmail: Chatmail) -> None:
    """It is made when the filter first starts."""
    code, (line,) = chatmail("dns")

    assert code == 1
    assert "start chatmail-filter.service" in line


@pytest.fixture
def name_server() -> Iterator[tuple[dict[tuple[str, str], list[str]], Authority]]:
    """A real name server on loopback with the records of a dictionary."""
    zone: dict[tuple[str, str], list[str]] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                data, peer = server.recvfrom(4096)
                if data == b"stop":
                    return
                query = dns.message.from_wire(data)
                answer = dns.message.make_response(query)
                question = query.question[0]
                kind = dns.rdatatype.to_text(question.rdtype)
                values = zone.get((question.name.to_text(omit_final_dot=True), kind))
                if values:
                    answer.answer.append(
                        dns.rrset.from_text(question.name, 60, "IN", kind, *values)
                    )
                server.sendto(answer.to_wire(), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        yield zone, Authority(zone="chat.example.org.", addresses=("127.0.0.1",), port=port)
        server.sendto(b"stop", ("127.0.0.1", port))
        thread.join()


def test_the_published_zone_is_compared(
    settings: Settings, name_server: tuple[dict[tuple[str, str], list[str]], Authority]
) -> None:
    """ok, missing and differs; a split TXT record is the same as a whole one."""
    keys.ensure_keys(settings)
    zone, authority = name_server
    records = work.records(settings)
    dkim = records[2].value or ""
    zone["chat.example.org", "A"] = ["192.0.2.7"]
    zone["chat.example.org", "MX"] = ["10 elsewhere.example.org."]
    zone["chatmail._domainkey.chat.example.org", "TXT"] = [work.quoted(dkim), '"other"']

    findings = work.check(records, authority.ask)

    assert [finding.state for finding in findings] == ["ok", "differs", "ok", "missing"]
    assert findings[1].line() == (
        "differs  required     chat.example.org MX, expected: 10 chat.example.org.,"
        " published: 10 elsewhere.example.org."
    )


@pytest.mark.parametrize(
    ("kind", "wanted", "published", "same"),
    [
        ("TXT", "v=DMARC1;p=reject", '"v=DMARC1; p=reject;"', True),
        ("TXT", "a b", '"a " "b"', True),
        ("TXT", 'say "x"', '"say \\"x\\""', True),
        ("TXT", "ab", '"a b"', False),
        ("MX", "10 Chat.Example.Org.", "10 chat.example.org.", True),
        ("SRV", "0 1 587 a.", "0 1 588 a.", False),
    ],
)
def test_values_are_compared_by_meaning(kind: str, wanted: str, published: str, same: bool) -> None:
    """Presentation does not count, content does."""
    record = DnsRecord(name="n", type=kind, required=True, value=wanted)

    (finding,) = work.check([record], lambda *_: [published])

    assert (finding.state == "ok") == same


def test_root_acts_as_the_mail_user_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that it makes belong to the mail user."""
    calls: list[tuple[str, int]] = []
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("os.getegid", lambda: 0)
    monkeypatch.setattr("os.seteuid", lambda uid: calls.append(("uid", uid)))
    monkeypatch.setattr("os.setegid", lambda gid: calls.append(("gid", gid)))

    with privileges.acting_as("nobody"):
        inside = list(calls)

    assert [name for name, _ in inside] == ["gid", "uid"]
    assert calls[2:] == [("uid", 0), ("gid", 0)]
