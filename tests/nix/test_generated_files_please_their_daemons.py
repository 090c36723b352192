"""What the description makes is read by the programs it is for, and is what it was.

`UPDATE_GOLDEN=1 pytest tests/nix` writes the golden files anew: look at the difference.
"""

import os
import pathlib
import re
from typing import Any

import pytest
from chatmail_lab.description.evaluate import evaluate
from chatmail_lab.image.chroot import path_in_image
from nixtest.relay import DOMAIN, InRoot, Relay

GOLDEN = pathlib.Path(__file__).with_name("golden")
FILES = {
    "main.cf": "/etc/postfix/main.cf",
    "master.cf": "/etc/postfix/master.cf",
    "dovecot.conf": "/etc/dovecot/dovecot.conf",
    "nginx.conf": "/etc/nginx/nginx.conf",
    "unbound.conf": "/etc/unbound/unbound.conf",
}
VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "self-signed": {"domain": "_chat.example.org"},
    "address only": {"domain": "192.0.2.1"},
    "files, no pages, no calls": {
        "tls": {"certificateFile": "/c.pem", "keyFile": "/k.pem"},
        "web": {"enable": False, "port443": "web-only", "contact": {"mail": "me@example.org"}},
        "turn": {"enable": False},
        "imap": {"instantIdle": False, "smallSessions": False},
        "mail": {"fsync": False},
    },
    "443 left alone": {"web": {"port443": "off"}, "iroh": {"enable": True}},
}


@pytest.fixture(scope="module")
def variants(
    root: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pathlib.Path]:
    """Where the files of each variant are; one evaluation for all."""
    relays = {
        name: {"enable": True, "domain": DOMAIN} | values for name, values in VARIANTS.items()
    }
    return {
        name: Relay(**relay).write(tmp_path_factory.mktemp("relay"))
        for name, relay in evaluate(root, relays).items()
    }


@pytest.mark.parametrize("name", FILES)
def test_golden(default: Relay, name: str) -> None:
    """Every change of a generated file is seen by whoever makes it."""
    text = default.files()[FILES[name]].rstrip("\n") + "\n"
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)

    assert golden.read_text() == text


@pytest.mark.parametrize("variant", VARIANTS)
def test_postfix_reads_its_files(
    variants: dict[str, pathlib.Path], in_root: InRoot, variant: str
) -> None:
    """Postconf knows every parameter, and every service's options."""
    directory = path_in_image(variants[variant] / "etc/postfix")

    said = [in_root("postconf", "-c", directory, option).stderr for option in ("-n", "-M", "-P")]

    assert said == ["", "", ""]


@pytest.mark.parametrize("variant", VARIANTS)
def test_dovecot_reads_its_file(
    variants: dict[str, pathlib.Path], in_root: InRoot, variant: str
) -> None:
    """Doveconf knows every setting; what exists on a running relay only is exchanged."""
    file = variants[variant] / "etc/dovecot/dovecot.conf"
    text = file.read_text()
    text = re.sub(r"(?m)^( *ssl_server_\w+_file) = .*$", r"\1 = /etc/debian_version", text)
    text = re.sub(r"(?m)^( *default_internal_(?:user|group)) = .*$", r"\1 = dovecot", text)
    file.write_text(text)

    assert in_root("doveconf", "-c", path_in_image(file), "-n").stderr == ""


@pytest.mark.parametrize("variant", VARIANTS)
def test_unbound_reads_its_file(
    variants: dict[str, pathlib.Path], in_root: InRoot, variant: str
) -> None:
    """No option is unknown."""
    file = variants[variant] / "etc/unbound/unbound.conf"

    assert "no errors" in in_root("unbound-checkconf", path_in_image(file)).stdout


@pytest.mark.parametrize("variant", VARIANTS)
def test_systemd_reads_the_units(
    variants: dict[str, pathlib.Path], in_root: InRoot, variant: str
) -> None:
    """No key is unknown, and no value of one cannot be read."""
    directory = variants[variant] / "etc/systemd/system"
    units = [
        path_in_image(unit) for unit in sorted(directory.iterdir()) if unit.name.count(".") == 1
    ]
    # the programs exist on a running relay only
    script = (
        'systemd-analyze verify --man=no --generators=no --recursive-errors=no "$@" 2>&1 || true'
    )

    said = in_root("sh", "-c", script, "verify", *units).stdout.splitlines()

    faults = ("Unknown", "Invalid", "Failed to parse", "ordering cycle", "not absolute")
    assert [line for line in said if any(fault in line for fault in faults)] == []
