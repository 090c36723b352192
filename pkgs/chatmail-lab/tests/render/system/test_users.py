"""users.users and users.groups as sysusers.d."""

from chatmail_lab.render.system import users


def test_users_follow_their_groups() -> None:
    """Memberships come last; a user of Debian is only added to groups."""
    lines = list(
        users.sysusers(
            {
                "vmail": {"isSystemUser": True, "group": "vmail", "home": "/v"},
                "nginx": {"extraGroups": ["keys"]},
            },
            {"vmail": {}, "keys": {"gid": 7, "members": ["postfix"]}},
        )
    )

    assert lines == [
        "g keys 7",
        "g vmail -",
        'u vmail -:vmail "" /v',
        "m nginx keys",
        "m postfix keys",
    ]
