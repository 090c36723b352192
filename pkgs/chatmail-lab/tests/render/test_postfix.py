"""services.postfix as main.cf and master.cf."""

from typing import Any

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.render import postfix


def test_values_are_written_as_nixos_writes_them() -> None:
    """Booleans are yes and no, lists have commas, null is omitted, names are sorted."""
    text = postfix.main_cf(
        {"b": True, "a": 3, "list": ["x", "y"], "none": None, "off": False, "empty": ""}
    )

    assert text == "a = 3\nb = yes\nempty =\nlist = x, y\noff = no\n"


@pytest.mark.parametrize(
    ("name", "entry", "line"),
    [
        ("qmgr", postfix.DEFAULT_MASTER["qmgr"], "qmgr unix n - - 300 1 qmgr"),
        ("flush", postfix.DEFAULT_MASTER["flush"], "flush unix n - - 1000? 0 flush"),
        ("local", postfix.DEFAULT_MASTER["local"], "local unix - y - - - local"),
        ("smtp_inet", postfix.SMTP_MASTER["smtp_inet"], "smtp inet n - - - - smtpd"),
        (
            "127.0.0.1:10026",
            {"type": "inet", "private": False, "command": "smtpd", "args": ["-o", "a=b c"]},
            "127.0.0.1:10026 inet n - - - - smtpd -o { a=b c }",
        ),
        ("x", {"chroot": False, "privileged": True, "command": "pipe"}, "x unix - y n - - pipe"),
    ],
)
def test_master_entries_have_eight_columns(name: str, entry: dict[str, Any], line: str) -> None:
    """Null is a dash (master(5))."""
    assert line == postfix.master_line(name, entry)


def test_submissions_always_uses_implicit_tls() -> None:
    """Options become -o arguments; port 25 is enabled by default."""
    entries = postfix.master_entries(
        {"enableSubmissions": True, "submissionsOptions": {"smtpd_sasl_auth_enable": "yes"}}
    )

    assert [
        *("-o", "smtpd_sasl_auth_enable=yes"),
        *("-o", "smtpd_tls_wrappermode=yes"),
    ] == entries["submissions"]["args"]
    assert "smtp_inet" in entries
    assert "submission" not in entries


def test_the_configuration_extends_an_entry() -> None:
    """Arguments are appended, other values are replaced."""
    entries = postfix.master_entries(
        {"settings": {"master": {"relay": {"maxproc": 7, "args": ["-o", "x=y"]}}}}
    )

    assert entries["relay"]["args"] == ["-o", "smtp_fallback_relay=", "-o", "x=y"]
    assert (entries["relay"]["maxproc"], entries["relay"]["command"]) == (7, "smtp")


def test_an_unknown_option_is_refused() -> None:
    """NixOS would obey it."""
    with pytest.raises(LabError, match=r"services\.postfix\.canonical"):
        postfix.render({"canonical": "x", "settings": {"main": {}}})
