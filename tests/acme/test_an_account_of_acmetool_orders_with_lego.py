"""`chatmail import` and `export` with the real programs: the server says which account it is."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from acmetest.authority import Authority, running
from acmetest.clients import Acmetool, Lego
from chatmaild.operator import cli
from chatmaild.operator.acme import orders

DOMAIN = "chat.example.org"
EMAIL = "postmaster@chat.example.org"
SETTINGS = Path(__file__).parents[2] / "pkgs/chatmaild/tests/settings.json"
# NixOS' account has a user of its own; any user but root shows that rights are right
USER = "nobody"
ECDSA = {"type": "ecdsa", "ecdsa-curve": "nistp256"}  # chatmail/relay since 2025
RSA = {"type": "rsa", "rsa-size": 2048}  # before that


class Machine:
    """A machine of NixOS that orders from the authority, and `chatmail` on it."""

    def __init__(
        self, place: Path, authority: Authority, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._capsys = capsys
        directory = place / "machine"
        accounts = directory / "accounts"
        for path in (directory, accounts, directory / "certificates", directory / "webroot"):
            path.mkdir()
            shutil.chown(path, USER)
        self.lego = Lego(directory, authority.server, EMAIL, DOMAIN)
        facts = {
            "server": authority.server,
            "email": EMAIL,
            "accounts": str(accounts),
            "user": USER,
            "unit": f"acme-order-renew-{DOMAIN}.service",
            "lego": shutil.which("lego"),
        }
        self.facts = place / "acme.json"
        self.facts.write_text(json.dumps(facts))
        self.home = accounts / f"localhost_{authority.port}" / EMAIL
        self._settings = place / "settings.json"
        self._settings.write_text(json.dumps(self._settings_json(place)))

    def account_url(self) -> str:
        """The URL of the account with which lego orders."""
        account = json.loads((self.home / "account.json").read_text())
        return str(account["registration"]["uri"])

    def chatmail(self, *command: str) -> dict[str, Any]:
        """Run a command of the operator."""
        arguments = ["--settings", str(self._settings), *command, "--json"]
        assert cli.group(arguments, standalone_mode=False) == 0
        document: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return document

    @staticmethod
    def _settings_json(place: Path) -> dict[str, Any]:
        data: dict[str, Any] = json.loads(SETTINGS.read_text())
        for name in data["directories"]:
            (place / name).mkdir()
            data["directories"][name] = str(place / name)
        data["users"] = dict.fromkeys(data["users"], "root")
        data["tls"]["mode"] = "acme"
        data["dkim"]["enable"] = False
        return data


@pytest.fixture
def machine(
    place: Path,
    authority: Authority,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Machine:
    """The new machine."""
    machine = Machine(place, authority, capsys)
    monkeypatch.setattr(orders, "FACTS", machine.facts)
    return machine


@pytest.fixture
def old(place: Path) -> Path:
    """The disk of the old machine."""
    (place / "old" / "home/vmail/mail" / DOMAIN).mkdir(parents=True)
    return place / "old"


@pytest.mark.parametrize("key", [ECDSA, RSA], ids=["ECDSA", "RSA"])
def test_a_new_machine_orders_with_the_account_of_the_old_one(
    old: Path, machine: Machine, authority: Authority, key: dict[str, Any]
) -> None:
    """It has ordered by itself before; back at chatmail/relay, the account is the same, too."""
    acmetool = Acmetool(old / "var/lib/acme", authority.server, key)
    acmetool.registers()
    url = acmetool.account_url()
    machine.lego.runs(USER)
    own = machine.account_url()
    assert own != url
    found = machine.chatmail("import", str(old), "--dry-run")["found"]["acmeAccounts"]
    assert [(one["url"], one["becomes"]) for one in found] == [(url, "replaces")]
    assert machine.account_url() == own

    imported = machine.chatmail("import", str(old))["imported"]
    replaced = machine.home.with_name(f"{EMAIL}.replaced")
    assert imported["acmeAccount"] == {"url": url, "replaced": str(replaced)}
    first = machine.lego.certificate
    machine.lego.renews(USER)

    assert machine.account_url() == url
    assert machine.lego.certificate != first
    assert {path.owner() for path in (machine.home, *machine.home.rglob("*"))} == {USER}

    exported = old.with_name("exported")
    assert machine.chatmail("export", str(exported))["acmeServer"] == authority.server
    assert Acmetool(exported / "var/lib/acme", authority.server, key).account_url() == url


def test_lego_finds_the_url_when_it_orders(
    old: Path, machine: Machine, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import had no network; the first order of the machine is a new one."""
    acmetool = Acmetool(old / "var/lib/acme", authority.server, ECDSA)
    acmetool.registers()
    url = acmetool.account_url()
    with monkeypatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", os.devnull)
        imported = machine.chatmail("import", str(old))["imported"]
    machine.lego.runs(USER)

    assert imported["acmeAccount"] == {"url": None, "replaced": None}
    assert machine.account_url() == url


def test_an_account_of_which_the_server_knows_nothing_is_not_imported(
    place: Path, old: Path, machine: Machine, authority: Authority
) -> None:
    """With it each renewal would fail; the machine's own goes on."""
    with running(_below(place, "elsewhere")) as elsewhere, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(elsewhere.certificate))
        Acmetool(old / "var/lib/acme", elsewhere.server, ECDSA).registers()
    accounts = old / "var/lib/acme/accounts"
    (accounts / f"localhost%3a{elsewhere.port}%2fdir").rename(
        accounts / f"localhost%3a{authority.port}%2fdir"
    )
    machine.lego.runs(USER)
    own = machine.account_url()
    document = machine.chatmail("import", str(old))
    machine.lego.renews(USER)

    assert document["imported"]["acmeAccount"] is None
    assert document["found"]["notTaken"] == {
        "the ACME server has no valid account with this key": 1
    }
    assert machine.account_url() == own


def _below(place: Path, name: str) -> Path:
    (place / name).mkdir()
    return place / name
