"""`chatmail move` closes a machine: units that write mail, or copy it elsewhere, do not start."""

from nixtest.relay import Describe

CLOSED = "!/var/lib/chatmail/move/closed"
BACKUP = {"enable": True, "passwordFile": "/p", "repository": "/srv/backup"}
UNITS = (
    *("chatmail-accounts", "chatmail-backup", "chatmail-expire", "chatmail-filter"),
    *("chatmail-transport", "dovecot", "postfix"),
)


def test_units(describe: Describe) -> None:
    """A backup of the old machine would be the newest one, without the mail since the move."""
    units = describe({"backup": BACKUP}).units
    conditions = {name: units[name].get("unitConfig", {}) for name in UNITS}

    wrong = [n for n, unit in conditions.items() if unit.get("ConditionPathExists") != CLOSED]
    assert wrong == []
