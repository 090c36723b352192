"""Ask the server for an account, and make it the account of this machine."""

import enum
import json
import os
import pwd
import secrets
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chatmaild.errors import ChatmaildError, UntakenError
from chatmaild.operator.acme.keys import PrivateKey, parse_key, public, to_pem
from chatmaild.operator.acme.orders import Orders, account_file, key_file, registration
from chatmaild.operator.privileges import acting_as
from chatmaild.store.files import fsync_directory, write_atomically

_DIRECTORY_MODE: Final = 0o700
# of the account that was there before
_REPLACED: Final = ".replaced"
# 45 s: lego asks for a directory, a nonce and the account, and waits 10 s for each
_TIMEOUT_S: Final = 45
_HTTP_TIMEOUT_S: Final = 10
_SYSTEMD_TIMEOUT_S: Final = 10
# RFC 8555 section 6.7: the key has no account, or the account was deactivated
_REFUSALS: Final = ("accountDoesNotExist", "error:unauthorized")


class Here(enum.Enum):
    """Which account this machine has, compared with one that is to come."""

    NONE = "none"
    SAME = "the same"
    OTHER = "another one"


def compare(orders: Orders, key: PrivateKey) -> Here:
    """Return which account this machine has.

    Raises:
        OSError: its files cannot be read.
    """
    try:
        pem = orders.key_file.read_bytes()
    except FileNotFoundError:
        return Here.OTHER if orders.home.exists() else Here.NONE
    try:
        return Here.SAME if public(parse_key(pem)) == public(key) else Here.OTHER
    except UntakenError:
        return Here.OTHER


def ask(orders: Orders, key: PrivateKey, domain: str) -> dict[str, Any] | None:
    """Ask the server which account a key has; nothing changes, here and there.

    lego asks it before a renewal (RFC 8555 section 7.3.1). The certificate, which it then misses,
    is not ordered.

    Returns:
        What the server said, in lego's form; None if it gave no answer.

    Raises:
        UntakenError: the server has no such account, or it is not valid.
        ChatmaildError: the user of the orders does not exist.
    """
    with tempfile.TemporaryDirectory(prefix="chatmail-acme-") as directory:
        stage = Path(directory)
        home = stage / "accounts" / orders.home.relative_to(orders.accounts)
        _write(home, orders.email, key, None)
        output = _renew(orders, stage, domain)
        found = registration(account_file(home))
    if found is not None and found.get("body", {}).get("status") == "valid":
        return found
    if found is not None or any(refusal in output for refusal in _REFUSALS):
        raise UntakenError("the ACME server has no valid account with this key")
    return None


def _renew(orders: Orders, stage: Path, domain: str) -> str:
    """Let lego begin a renewal, with the rights that it has in NixOS' unit; return its log."""
    command = [
        *(orders.lego, "--accept-tos", "--path", str(stage), "--email", orders.email),
        *("--server", orders.server, "--http-timeout", str(_HTTP_TIMEOUT_S)),
        *("--domains", domain, "--http", "renew"),
    ]
    rights: dict[str, Any] = {}
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam(orders.user)
        except KeyError as error:
            raise ChatmaildError(f"there is no user {orders.user}: is the relay set up?") from error
        # the directory last: until then nobody else can put a link into it
        for path in reversed([stage, *stage.rglob("*")]):
            os.chown(path, user.pw_uid, user.pw_gid)
        rights = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    try:
        done = subprocess.run(
            command,
            cwd=stage,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_TIMEOUT_S,
            **rights,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return bytes(done.stdout).decode("utf-8", "replace")


def install(orders: Orders, key: PrivateKey, answer: Mapping[str, Any] | None) -> Path | None:
    """Make an account that of this machine; without an answer, lego asks when it orders.

    Returns:
        Where the account is that the machine had; None if it had none, or this one.

    Raises:
        UntakenError: a certificate is being ordered.
        ChatmaildError: what was stored cannot be read again.
        OSError: it cannot be written.
    """
    if _is_ordering(orders):
        # lego would write the URL of the other account beside this key
        raise UntakenError("a certificate is being ordered now: import again when that has ended")
    home, replaced = orders.home, None
    with acting_as(orders.user):
        if compare(orders, key) is Here.SAME:
            write_atomically(orders.account_file, _document(orders.email, answer))
            return None
        _make(home.parent)
        new = home.with_name(f".{home.name}.{secrets.token_hex(6)}.tmp")
        _write(new, orders.email, key, answer)
        if home.exists():
            replaced = home.rename(_free_name(home))
        new.rename(home)
        fsync_directory(home.parent)
        if compare(orders, key) is not Here.SAME:
            raise ChatmaildError(f"{orders.key_file} has another key than was written")
    return replaced


def _write(home: Path, email: str, key: PrivateKey, answer: Mapping[str, Any] | None) -> None:
    """Write the directory of an account."""
    file = key_file(home, email)
    _make(file.parent)
    write_atomically(file, to_pem(key))
    write_atomically(account_file(home), _document(email, answer))


def _make(directory: Path) -> None:
    """Make a directory and those above it, all for the user alone."""
    for path in (*reversed(directory.parents), directory):
        if not path.exists():
            path.mkdir(mode=_DIRECTORY_MODE)


def _document(email: str, answer: Mapping[str, Any] | None) -> bytes:
    return json.dumps({"email": email, "registration": answer}, indent="\t").encode()


def _free_name(home: Path) -> Path:
    names = (home.with_name(f"{home.name}{_REPLACED}{n}") for n in ("", *range(2, 1000)))
    return next(name for name in names if not name.exists())


def _is_ordering(orders: Orders) -> bool:
    command = ["systemctl", "show", "--property=ActiveState", "--value", orders.unit]
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=_SYSTEMD_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.stdout.strip() == "activating"
