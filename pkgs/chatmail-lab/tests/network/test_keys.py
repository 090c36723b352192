"""Secrets of clusters."""

from pathlib import Path

from chatmail_lab.network.keys import PRIVATE_KEY_FILE, SECRET_FILE, Keys
from chatmail_lab.plan import Host, plan_hosts

PRIVATE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
PUBLIC = "j0DFrbaPJWJK5bIU6nZ6bslNgp09e14a0bpvPiE4KF8="
HOSTS = [host for host in plan_hosts(["a.test=1+1", "b.test=1+1"]) if host.is_member]


def _file(keys: Keys, host: Host, path: str) -> str:
    return next(file.content.decode() for file in keys.files(host) if file.path == path)


def test_keys_have_the_form_of_wg(tmp_path: Path) -> None:
    """`wg pubkey` says the same of this private key."""
    (tmp_path / f"{HOSTS[0].name}.pem").write_text(
        "-----BEGIN PRIVATE KEY-----\n"
        "MC4CAQAwBQYDK2VuBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n"
        "-----END PRIVATE KEY-----\n"
    )
    keys = Keys(directory=tmp_path)

    assert _file(keys, HOSTS[0], PRIVATE_KEY_FILE) == f"{PRIVATE}\n"
    assert keys.public_key(HOSTS[0]) == PUBLIC


def test_each_machine_has_a_key_of_its_own(tmp_path: Path) -> None:
    """It stays."""
    keys = Keys(directory=tmp_path / "keys")
    found = [keys.public_key(host) for host in HOSTS]

    assert len(set(found)) == len(HOSTS)
    assert found == [Keys(directory=tmp_path / "keys").public_key(host) for host in HOSTS]


def test_machines_of_a_cluster_share_a_secret(tmp_path: Path) -> None:
    """It stays; other clusters have another one, and no stranger reads it."""
    keys = Keys(directory=tmp_path / "keys")
    found = [_file(keys, host, SECRET_FILE) for host in HOSTS]

    assert found[0] == found[1] != found[2] == found[3]
    assert found == [_file(Keys(directory=tmp_path / "keys"), host, SECRET_FILE) for host in HOSTS]
    assert {file.mode for host in HOSTS for file in keys.files(host)} == {0o600}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
