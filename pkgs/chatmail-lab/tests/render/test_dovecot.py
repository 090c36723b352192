"""services.dovecot2.settings as dovecot.conf."""

from chatmail_lab.render.dovecot import dovecot_conf


def test_versions_come_first_and_the_rest_is_sorted() -> None:
    """Dovecot 2.4 requires them before all other settings."""
    text = dovecot_conf(
        {
            "base_dir": "/run/dovecot2",
            "dovecot_storage_version": "2.4.0",
            "dovecot_config_version": "2.4.1",
            "auth_mechanisms": ["plain", "login"],
            "ssl_server_ca_file": None,
            "verbose_proctitle": True,
        }
    )

    assert text.splitlines() == [
        "dovecot_config_version = 2.4.1",
        "dovecot_storage_version = 2.4.0",
        "auth_mechanisms = plain login",
        "base_dir = /run/dovecot2",
        "verbose_proctitle = yes",
    ]


def test_sets_are_sections_whose_key_is_type_and_name() -> None:
    """Sections may contain sections."""
    text = dovecot_conf({"service auth": {"unix_listener auth": {"mode": "0660"}, "limit": 3}})

    assert text.splitlines() == [
        "service auth {",
        "  limit = 3",
        "  unix_listener auth {",
        "    mode = 0660",
        "  }",
        "}",
    ]


def test_a_list_of_sets_is_several_sections() -> None:
    """`_section` contains the type and name of each."""
    text = dovecot_conf(
        {
            "passdb": [
                {"_section": {"type": "passdb", "name": "oauth2"}, "a": False},
                {"_section": {"name": "static"}, "b": 1},
            ]
        }
    )

    assert text == "passdb oauth2 {\n  a = no\n}\npassdb static {\n  b = 1\n}\n"
