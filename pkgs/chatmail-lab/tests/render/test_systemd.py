"""systemd.services, sockets, timers and paths as unit files."""

from typing import Any

import pytest

from chatmail_lab.errors import LabError
from chatmail_lab.render import systemd

DIRECTORY = "/etc/systemd/system"


def _files(options: dict[str, Any]) -> dict[str, str]:
    return {
        file.path: file.target if file.target is not None else file.content.decode()
        for file in systemd.render(options)
    }


def test_a_service_has_its_three_sections() -> None:
    """Lists are several lines, null is none, booleans are true and false."""
    files = _files(
        {
            "services": {
                "x": {
                    "description": "X",
                    "after": ["a.service", "b.service"],
                    "wantedBy": ["multi-user.target"],
                    "environment": {"A": 'say "hi"', "B": None},
                    "unitConfig": {"ConditionPathExists": "/x"},
                    "serviceConfig": {
                        "ExecStart": "/x",
                        "PrivateTmp": True,
                        "SystemCallFilter": ["@a", "~@b"],
                        "User": None,
                    },
                }
            }
        }
    )

    assert files[f"{DIRECTORY}/x.service"].splitlines()[:11] == [
        "[Unit]",
        "After=a.service b.service",
        "ConditionPathExists=/x",
        "Description=X",
        "",
        "[Service]",
        "ExecStart=/x",
        "PrivateTmp=true",
        "SystemCallFilter=@a",
        "SystemCallFilter=~@b",
        'Environment="A=say \\"hi\\""',
    ]
    assert f"{DIRECTORY}/x.service" == files[f"{DIRECTORY}/multi-user.target.wants/x.service"]


def test_scripts_run_after_those_of_service_config() -> None:
    """They are files and stop at the first failing command, as on NixOS."""
    files = _files(
        {"services": {"x": {"preStart": "true", "serviceConfig": {"ExecStartPre": "/first"}}}}
    )
    script = "/usr/local/lib/units/x-preStart"

    assert files[script] == "#!/bin/sh\nset -e\ntrue\n"
    assert f"ExecStartPre=/first\nExecStartPre={script}\n" in files[f"{DIRECTORY}/x.service"]


def test_packages_of_the_path_precede_debians_directories() -> None:
    """Each package adds bin and sbin."""
    files = _files({"services": {"x": {"path": ["/opt/p"]}}})

    assert (
        'Environment="PATH=/opt/p/bin:/opt/p/sbin:/usr/local/sbin:'
        in (files[f"{DIRECTORY}/x.service"])
    )


def test_start_at_makes_a_timer() -> None:
    """timers.target wants it."""
    files = _files({"services": {"x": {"startAt": "daily"}}})

    assert "OnCalendar=daily" in files[f"{DIRECTORY}/x.timer"]
    assert f"{DIRECTORY}/timers.target.wants/x.timer" in files


def test_sockets_and_paths_have_their_own_sections() -> None:
    """[Socket] and [Path]."""
    files = _files(
        {
            "sockets": {"s": {"listenStreams": ["/run/s"], "socketConfig": {"Accept": False}}},
            "paths": {"p": {"pathConfig": {"PathChanged": "/c"}}},
        }
    )

    assert "[Socket]\nAccept=false\nListenStream=/run/s\n" in files[f"{DIRECTORY}/s.socket"]
    assert "[Path]\nPathChanged=/c\n" in files[f"{DIRECTORY}/p.path"]


def test_a_disabled_unit_is_masked() -> None:
    """Debian's unit of the same name must not start."""
    files = _files({"services": {"nginx": {"enable": False}}})

    assert {f"{DIRECTORY}/nginx.service": "/dev/null"} == files


def test_an_unknown_option_is_refused() -> None:
    """NixOS would obey it."""
    with pytest.raises(LabError, match=r"systemd\.services\.x\.confinement"):
        systemd.render({"services": {"x": {"confinement": {}}}})
