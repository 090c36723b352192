"""The hourly count."""

import datetime
import pathlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from chatmaild import monitor
from chatmaild.address import parse_address
from chatmaild.metrics import numbers
from chatmaild.monitor import census
from chatmaild.settings import Settings
from chatmaild.store.mailboxes import DAY_S, Mailboxes

NOW_S = 1_800_000_000.0


def test_addresses_by_kind_and_last_login(mailboxes: Mailboxes) -> None:
    """Directories that are no accounts do not count."""
    for name, days in (("alice1234", 0), ("bobby1234", 5), ("ci-123456", 20), ("eve123456", 60)):
        address = parse_address(f"{name}@chat.example.org")
        mailboxes.create(address, "hash", now_s=NOW_S - days * DAY_S)
    for name in (".deleted-12", "nobody@chat.example.org", "Upper1234@chat.example.org"):
        (mailboxes.directory / name).mkdir()
    (mailboxes.directory / "Upper1234@chat.example.org" / "password").touch()

    assert census.tally(census.logins(mailboxes.directory), NOW_S) == {
        "counted_s": int(NOW_S),
        "kinds": {"user": 3, "ci": 1},
        "active": {"1": 1, "7": 2, "30": 3},
    }


def test_the_job_writes_what_it_finds(settings: Settings, mailboxes: Mailboxes) -> None:
    """Without a server there is no certificate, and the count is written nevertheless."""
    mailboxes.create(parse_address("alice1234@chat.example.org"), "hash", now_s=NOW_S)
    monitor.count_addresses(settings)

    assert numbers.read(settings, numbers.ADDRESSES)["kinds"] == {"user": 1, "ci": 0}
    files = [path.name for path in pathlib.Path(settings.directories.numbers).iterdir()]
    assert files == ["addresses.json"]


def test_the_end_of_a_certificate(dkim_key: rsa.RSAPrivateKey) -> None:
    """In Unix seconds."""
    name = x509.Name([])
    end = datetime.datetime(2030, 1, 2, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, dkim_key.public_key(), 1)
        .not_valid_before(datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(end)
        .sign(dkim_key, hashes.SHA256())
    )

    assert census.expiry_s(certificate.public_bytes(Encoding.DER)) == end.timestamp()
    with pytest.raises(ValueError, match=r".*"):
        census.expiry_s(b"")


def test_the_mail_directory_must_exist(tmp_path: pathlib.Path) -> None:
    """0 addresses would be a lie."""
    with pytest.raises(FileNotFoundError):
        list(census.logins(tmp_path / "missing"))
