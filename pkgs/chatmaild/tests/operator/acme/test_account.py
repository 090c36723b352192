"""An account is asked for, and becomes that of the machine."""

import dataclasses
import json
import pathlib

import pytest

from chatmaild.errors import UntakenError
from chatmaild.operator.acme import account
from chatmaild.operator.acme.account import Here
from chatmaild.operator.acme.orders import registration

from .client_keys import new_key, pem
from .stand_in import EMAIL, SERVER, URL, StandIn

DOMAIN = "chat.example.org"


def test_the_server_is_asked_which_account_a_key_has(lego: StandIn) -> None:
    """By the program, server and e-mail address of the orders; nothing stays on the machine."""
    answer = account.ask(lego.orders, new_key(), DOMAIN)

    assert answer == {"body": {"status": "valid"}, "uri": URL}
    (call,) = lego.calls
    stage = call.split()[2]
    assert call == (
        f"--accept-tos --path {stage} --email {EMAIL} --server {SERVER} --http-timeout 10"
        f" --domains {DOMAIN} --http renew"
    )
    assert not pathlib.Path(stage).exists()
    assert not lego.orders.accounts.exists()


def test_an_account_that_cannot_order_is_refused(lego: StandIn) -> None:
    """The server does not know it, or it was deactivated."""
    for change in (lego.knows_no_account, lambda: lego.answers(status="deactivated")):
        change()
        with pytest.raises(UntakenError, match="no valid account with this key"):
            account.ask(lego.orders, new_key(), DOMAIN)


def test_without_an_answer_nothing_is_known(lego: StandIn) -> None:
    """No network, or no program."""
    lego.is_silent()
    without = dataclasses.replace(lego.orders, lego="/nowhere/lego")

    assert account.ask(lego.orders, new_key(), DOMAIN) is None
    assert account.ask(without, new_key(), DOMAIN) is None


def test_the_first_account_is_for_its_user_alone(lego: StandIn) -> None:
    """The directory of the accounts is made, too."""
    key = new_key()
    assert account.compare(lego.orders, key) is Here.NONE
    replaced = account.install(lego.orders, key, {"body": {"status": "valid"}, "uri": URL})

    home = lego.orders.home
    assert (replaced, account.compare(lego.orders, key)) == (None, Here.SAME)
    assert lego.orders.key_file.read_bytes() == pem(key)
    assert json.loads(lego.orders.account_file.read_text()) == {
        "email": EMAIL,
        "registration": {"body": {"status": "valid"}, "uri": URL},
    }
    modes = {path.stat().st_mode & 0o777 for path in (home, home / "keys")}
    assert modes == {0o700}
    files = (lego.orders.key_file, lego.orders.account_file)
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert [path.name for path in home.parent.iterdir()] == [EMAIL]


def test_the_account_of_the_machine_is_kept_aside(lego: StandIn) -> None:
    """Each one, whole, so that it can be moved back."""
    keys = [new_key() for _ in range(3)]
    done = [account.install(lego.orders, key, None) for key in keys]

    home = lego.orders.home
    kept = [home.with_name(f"{EMAIL}.replaced"), home.with_name(f"{EMAIL}.replaced2")]
    assert done == [None, *kept]
    assert account.compare(lego.orders, keys[2]) is Here.SAME
    assert [(path / "keys" / f"{EMAIL}.key").read_bytes() for path in kept] == [
        pem(key) for key in keys[:2]
    ]


def test_a_url_that_was_not_known_is_added(lego: StandIn) -> None:
    """An earlier import had no answer, and lego has not ordered since."""
    key = new_key()
    account.install(lego.orders, key, None)
    assert registration(lego.orders.account_file) is None
    replaced = account.install(lego.orders, key, {"body": {}, "uri": URL})

    assert replaced is None
    assert registration(lego.orders.account_file) == {"body": {}, "uri": URL}


def test_files_that_are_no_key_are_kept_aside(lego: StandIn) -> None:
    """As well as an account without its key."""
    key = new_key()
    lego.orders.key_file.parent.mkdir(parents=True)
    assert account.compare(lego.orders, key) is Here.OTHER
    lego.orders.key_file.write_text("no key")
    assert account.compare(lego.orders, key) is Here.OTHER
    replaced = account.install(lego.orders, key, None)

    assert replaced is not None
    assert (replaced / "keys" / f"{EMAIL}.key").read_text() == "no key"


def test_nothing_changes_while_a_certificate_is_ordered(
    lego: StandIn, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """lego would write the URL of one account beside the key of the other."""
    program = tmp_path / "systemctl"
    program.write_text(f'#!/bin/sh\ncase $* in *"{lego.orders.unit}") echo activating;; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(UntakenError, match="import again"):
        account.install(lego.orders, new_key(), None)

    assert not lego.orders.accounts.exists()
