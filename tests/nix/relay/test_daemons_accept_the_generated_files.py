"""Each daemon accepts its generated files, and they equal the golden files.

`UPDATE_GOLDEN=1 pytest tests/nix` updates the golden files: review the diff.
"""

import os
import pathlib
import re
from typing import Any

import pytest
from chatmail_lab.description.evaluate import evaluate
from chatmail_lab.image.chroot import path_in_image
from nixtest.checkout import CHECKOUT
from nixtest.relay import DOMAIN, InRoot, Relay

GOLDEN = CHECKOUT / "tests/nix/golden"
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
    "IP address as domain": {"domain": "192.0.2.1"},
    "certificate files, no pages, no calls": {
        "tls": {"certificateFile": "/c.pem", "keyFile": "/k.pem"},
        "web": {"enable": False, "port443": "web-only", "contact": {"mail": "me@example.org"}},
        "turn": {"enable": False},
        "imap": {"instantIdle": False, "smallSessions": False},
        "mail": {"fsync": False},
    },
    "port 443 off": {"web": {"port443": "off"}, "iroh": {"enable": True}},
}


@pytest.fixture(scope="module")
def variants(
    root: pathlib.Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, pathlib.Path]:
    """Variant -> folder with its files; one evaluation for all."""
    relays = {
        name: {"enable": True, "domain": DOMAIN} | values for name, values in VARIANTS.items()
    }
    return {
        name: Relay(**relay).write(tmp_path_factory.mktemp("relay"))
        for name, relay in evaluate(root, relays).items()
    }


@pytest.mark.parametrize("name", FILES)
def test_a_file_equals_its_golden_file(default: Relay, name: str) -> None:
    """Changes of generated files show up in review."""
    text = default.files()[FILES[name]].rstrip("\n") + "\n"
    golden = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)

    assert golden.read_text() == text


@pytest.mark.parametrize("variant", VARIANTS)
def test_postfix_reads_its_files(
    variants: dict[str, pathlib.Path], in_root: InRoot, variant: str
) -> None:
    """postconf knows every parameter and every option of a service."""
    directory = path_in_image(variants[variant] / "etc/postfix")

    errors = [in_root("postconf", "-c", directory, option).stderr for option in ("-n", "-M", "-P")]

    assert errors == ["", "", ""]


@pytest.mark.parametrize("variant", VARIANTS)
def test_dovecot_reads_its_file(
    variants: dict[str, pathlib.Path], in_root: InRoot, variant: str
) -> None:
    """doveconf knows every setting. Files and users of a running relay are replaced."""
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
    """unbound-checkconf knows every option."""
    file = variants[variant] / "etc/unbound/unbound.conf"

    assert "no errors" in in_root("unbound-checkconf", path_in_image(file)).stdout


@pytest.mark.parametrize("variant", VARIANTS)
def test_systemd_reads_the_units(
    variants: dict[str, pathlib.Path], in_root: InRoot, variant: str
) -> None:
    """systemd-analyze knows every key and parses every value."""
    directory = variants[variant] / "etc/systemd/system"
    units = [
        path_in_image(unit) for unit in sorted(directory.iterdir()) if unit.name.count(".") == 1
    ]
    # it fails for programs that only a running relay has
    script = (
        'systemd-analyze verify --man=no --generators=no --recursive-errors=no "$@" 2>&1 || true'
    )

    output = in_root("sh", "-c", script, "verify", *units).stdout.splitlines()

    faults = ("Unknown", "Invalid", "Failed to parse", "ordering cycle", "not absolute")
    assert [line for line in output if any(fault in line for fault in faults)] == []
