"""Where lego keeps the account of this machine."""

import dataclasses
import json
import pathlib

import pytest

from chatmaild.operator.acme import orders
from chatmaild.settings import Settings

from .stand_in import SERVER, URL, StandIn


def test_files_have_the_names_that_lego_uses(lego: StandIn) -> None:
    """A port comes after an underscore."""
    home = lego.orders.accounts / "acme.example_14000" / "postmaster@chat.example.org"

    assert lego.orders.home == home
    assert lego.orders.account_file == home / "account.json"
    assert lego.orders.key_file == home / "keys" / "postmaster@chat.example.org.key"


def test_nixos_tells_how_it_orders(
    lego: StandIn, settings: Settings, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not where the certificate comes from elsewhere, nor where it tells nothing."""
    file = tmp_path / "acme.json"
    monkeypatch.setattr(orders, "FACTS", file)
    acme = dataclasses.replace(settings, tls=dataclasses.replace(settings.tls, mode="acme"))
    given = dataclasses.replace(settings, tls=dataclasses.replace(settings.tls, mode="files"))
    assert orders.orders_of(acme) is None
    file.write_text(lego.facts())

    assert orders.orders_of(acme) == lego.orders
    assert orders.orders_of(given) is None
    file.write_text(json.dumps({"accounts": None, "server": SERVER}))
    assert orders.orders_of(acme) is None


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (json.dumps({"email": "x", "registration": {"body": {}, "uri": URL}}), URL),
        (json.dumps({"email": "x", "registration": None}), None),
        (json.dumps({"email": "x", "registration": {"body": {}, "uri": None}}), None),
        ("[]", None),
        ("{", None),
    ],
)
def test_an_account_is_registered_if_its_url_is_known(
    tmp_path: pathlib.Path, text: str, url: str | None
) -> None:
    """A file that is not there or not whole is no account, too."""
    file = tmp_path / "account.json"
    assert orders.registration(file) is None
    file.write_text(text)
    found = orders.registration(file)

    assert (found["uri"] if found else None) == url
