"""The ACME account of an upstream relay comes along, and goes back."""

import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from chatmaild.operator.acme import account
from chatmaild.operator.acme.account import Here
from chatmaild.operator.acme.keys import public
from chatmaild.operator.exchange.upstream.acmetool import key_id

from ..acme.client_keys import PrivateKey, new_key, new_rsa_key, pem
from ..acme.stand_in import EMAIL, URL, StandIn
from ..conftest import Chatmail
from .old_relay import OldRelay

# the stand-in's server as acmetool spells it
SERVER = "acme.example%3a14000%2fdirectory"
OTHER = "acme-staging-v02.api.letsencrypt.org%2fdirectory"
HEAD = "ACME        account at acme.example:14000"
STAYS_VALID = f"            its URL is {URL}: a CAA record with it stays valid"

Import = Callable[..., dict[str, Any]]


@pytest.fixture
def lego(
    settings_json: dict[str, Any], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> StandIn:
    """This machine orders its certificate by a stand-in for lego."""
    settings_json["tls"]["mode"] = "acme"
    lego = StandIn(tmp_path)
    facts = tmp_path / "acme.json"
    facts.write_text(lego.facts())
    monkeypatch.setattr("chatmaild.operator.acme.orders.FACTS", facts)
    return lego


@pytest.fixture
def imports(old: OldRelay, chatmail: Chatmail) -> Import:
    """Run `chatmail import --json`."""
    old.ini()

    def run(*options: str) -> dict[str, Any]:
        code, said = chatmail("import", str(old.root), "--json", *options)
        assert code == 0, said
        document: dict[str, Any] = json.loads(said[0])
        return document

    return run


def _add(old: OldRelay, key: PrivateKey, server: str = SERVER) -> pathlib.Path:
    return old.acme(pem(key), server, key_id(public(key)))


def test_the_account_comes_along(
    old: OldRelay, lego: StandIn, chatmail: Chatmail, audited: list[str]
) -> None:
    """It is shown, imported, and found again when the import is repeated."""
    key = new_key()
    _add(old, key)
    dry, found = chatmail("import", str(old.root), "--dry-run")
    assert (dry, account.compare(lego.orders, key)) == (0, Here.NONE)
    code, said = chatmail("import", str(old.root))

    assert code == 0, said
    assert f"{HEAD}, ECDSA P-256: comes along" in found
    assert STAYS_VALID in found
    assert f"            ACME account {URL}" in said
    assert account.compare(lego.orders, key) is Here.SAME
    assert len(lego.calls) == 2
    _, again = chatmail("import", str(old.root))
    assert f"{HEAD}, ECDSA P-256: is here already" in again
    assert STAYS_VALID in again
    assert len(lego.calls) == 2


def test_the_account_of_this_machine_is_kept_aside(
    old: OldRelay, lego: StandIn, chatmail: Chatmail
) -> None:
    """The one that DNS names is used, and the output says where the other one is."""
    account.install(lego.orders, new_key(), None)
    key = new_rsa_key()
    _add(old, key)
    _, said = chatmail("import", str(old.root))

    replaced = lego.orders.home.with_name(f"{EMAIL}.replaced")
    assert f"{HEAD}, RSA 2048: replaces that of this machine" in said
    assert f"            this machine's ACME account was moved to {replaced}" in said
    assert (replaced / "keys" / f"{EMAIL}.key").exists()
    assert account.compare(lego.orders, key) is Here.SAME


def test_programs_read_it(old: OldRelay, lego: StandIn, imports: Import) -> None:
    """With the accounts that stay, and the reason."""
    _add(old, new_key())
    _add(old, new_rsa_key(), OTHER)
    document = imports()

    assert document["found"]["acmeAccounts"] == [
        {
            "server": "https://acme-staging-v02.api.letsencrypt.org/directory",
            "keyType": "RSA 2048",
            "url": None,
            "becomes": "stays",
        },
        {
            "server": "https://acme.example:14000/directory",
            "keyType": "ECDSA P-256",
            "url": URL,
            "becomes": "new",
        },
    ]
    assert document["found"]["notTaken"] == {
        f"an account of another server than {lego.orders.server}": 1
    }
    assert document["imported"]["acmeAccount"] == {"url": URL, "replaced": None}
    assert imports()["found"]["acmeAccounts"][1]["becomes"] == "known"


def test_the_first_order_finds_a_url_that_the_import_did_not(
    old: OldRelay, lego: StandIn, chatmail: Chatmail
) -> None:
    """There is no network: a repeated import asks again."""
    key = new_key()
    _add(old, key)
    lego.is_silent()
    _, said = chatmail("import", str(old.root))
    assert account.compare(lego.orders, key) is Here.SAME
    lego.answers()
    _, again = chatmail("import", str(old.root))

    assert (
        "            its server does not answer: the next order of a certificate asks again" in said
    )
    assert "            ACME account whose URL is not known yet" in said
    assert f"            ACME account {URL}" in again
    assert json.loads(lego.orders.account_file.read_text())["registration"]["uri"] == URL


def test_what_cannot_order_stays_there(old: OldRelay, lego: StandIn, imports: Import) -> None:
    """An account that the server does not know would make each order fail."""
    _add(old, new_key())
    lego.knows_no_account()
    document = imports()

    assert document["found"]["acmeAccounts"][0]["becomes"] == "stays"
    assert document["found"]["notTaken"] == {
        "the ACME server has no valid account with this key": 1
    }
    assert document["imported"]["acmeAccount"] is None
    assert not lego.orders.accounts.exists()


def test_an_import_during_an_order_is_repeated(
    old: OldRelay, lego: StandIn, imports: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else comes."""
    _add(old, new_key())
    with monkeypatch.context() as patch:
        patch.setattr(account, "_is_ordering", lambda _: True)
        document = imports()

    reason = "a certificate is being ordered now: import again when that has ended"
    assert document["notTaken"] == {reason: 1}
    assert document["imported"]["acmeAccount"] is None
    assert imports()["imported"]["acmeAccount"] == {"url": URL, "replaced": None}


def test_nobody_chooses_between_two_accounts(old: OldRelay, lego: StandIn, imports: Import) -> None:
    """acmetool takes any of them."""
    _add(old, new_key())
    _add(old, new_key())
    document = imports()

    reason = "one of several ACME accounts: keep the one in the CAA record"
    assert document["found"]["notTaken"] == {reason: 2}
    assert document["imported"]["acmeAccount"] is None
    assert lego.calls == []


def test_a_machine_that_orders_nothing_takes_no_account(
    old: OldRelay, chatmail: Chatmail, restarts: list[bool]
) -> None:
    """Its certificate comes from elsewhere."""
    _add(old, new_key())
    code, said = chatmail("import", str(old.root))

    assert code == 0
    assert f"{HEAD}, ECDSA P-256: stays there, this machine orders no certificate" in said
    assert not any("ACME account" in line for line in said)


def test_hostile_stores_are_not_followed(
    old: OldRelay, lego: StandIn, imports: Import, tmp_path: pathlib.Path
) -> None:
    """Links, devices, large files, keys of others; names are shown with escapes."""
    key = new_key()
    directory = _add(old, key)
    (directory / "privkey").rename(tmp_path / "secret")
    (directory / "privkey").symlink_to(tmp_path / "secret")
    old.acme(pem(key), SERVER, "a" * 52)
    old.acme(b"x" * 9000, SERVER, "large")
    old.acme(b"", SERVER, "line\nfeed")
    os.mkfifo(old.acme(b"", SERVER, "fifo").parent / "pipe")
    (old.root / "var/lib/acme/accounts" / OTHER).symlink_to("/etc")
    document = imports()

    assert document["found"]["acmeAccounts"] == []
    assert document["found"]["notTaken"] == {
        "a FIFO": 1,
        "a symbolic link": 2,
        "an ACME account with the key of another one": 1,
        "larger than 8192 bytes": 1,
        "no private key in PEM form without a password": 2,
    }
    assert lego.calls == []


def test_the_account_goes_back(
    old: OldRelay,
    lego: StandIn,
    chatmail: Chatmail,
    dkim_file: pathlib.Path,
    tmp_path: pathlib.Path,
) -> None:
    """In the place, form and modes in which acmetool wants it."""
    key = new_key()
    source = _add(old, key)
    chatmail("import", str(old.root))
    target = tmp_path / "tree"
    previous = os.umask(0o077)
    try:
        code, said = chatmail("export", str(target))
    finally:
        os.umask(previous)

    assert code == 0, said
    place = target / source.relative_to(old.root)
    assert (place / "privkey").read_bytes() == pem(key)
    assert f"ACME        the account at {lego.orders.server} comes along" in said
    secret = [*place.parents[:2], place, place / "privkey"]
    assert {path.stat().st_mode & 0o777 for path in secret} == {0o700, 0o600}
    shared = [target / "var", target / "var/lib", target / "var/lib/acme"]
    assert {path.stat().st_mode & 0o777 for path in shared} == {0o755}


def test_a_machine_without_account_exports_none(
    lego: StandIn, chatmail: Chatmail, dkim_file: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    """It has not ordered yet."""
    code, said = chatmail("export", str(tmp_path / "tree"), "--json")

    assert (code, json.loads(said[0])["acmeServer"]) == (0, None)
    assert not (tmp_path / "tree" / "var").exists()
