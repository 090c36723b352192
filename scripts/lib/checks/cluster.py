"""The acceptance suite against one domain on several machines.

Each run of all tests has the core of it, in a lab of its own, and what only several machines have:
`tests/e2e/cluster`. `scripts/test --cluster` runs all of it, in all labs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from checks.scenarios import (
    IN_SEVERAL,
    LAB_CONFIG,
    RELAYS,
    SCENARIOS,
    forget,
    scenarios_together,
    searching_scenarios,
    some_scenarios,
)
from checks.suites import Result
from labs import LabFailedError, down, up

TITLE: Final = "one domain on several machines"
LAB_NAME: Final = "test-cluster"
# two fronts and three stores; the other relay is one machine
HOSTS: Final = (f"{RELAYS[0]}=2+3", *RELAYS[1:])
# sign-up, login, mail, push, the core of Delta Chat, the rules of mail, and who may reach what
CORE: Final = (
    "accounts/test_the_first_imap_login_creates_the_address",
    "accounts/test_the_first_smtp_login_creates_the_address",
    "accounts/test_ten_parallel_first_logins_create_one_account",
    "accounts/test_a_wrong_password_is_refused_and_changes_nothing",
    "accounts/test_users_delete_their_address",
    "clients/test_delta_chat_users_verify_and_write",
    "clients/test_new_mail_wakes_phones",
    "encryption/test_an_encrypted_message_arrives",
    "encryption/test_plain_mail_is_refused_at_submission",
    "machine/test_local_sockets_are_for_their_clients_alone",
    "machine/test_units_have_only_the_rights_they_need",
    "operators/test_operators_manage_addresses",
    "origin/test_incoming_mail_needs_a_dkim_signature",
    "origin/test_senders_use_their_own_address_only",
    "origin/test_the_dkim_key_is_published_and_protected",
    "recipients/test_full_mailboxes_refuse_mail",
)


def core_files() -> list[Path]:
    """Return the files of scenarios that each run has."""
    return [SCENARIOS / f"{name}.py" for name in CORE]


def run(*, capture: bool) -> tuple[Result, str]:
    """Start the machines, run the scenarios of each run, search what they left, take all down."""
    suites = [
        scenarios_together(f"{TITLE}: core", LAB_NAME, core_files(), others=False),
        some_scenarios(
            f"{TITLE}: faults", LAB_NAME, [IN_SEVERAL], "-m", "not measures", others=False
        ),
        searching_scenarios(LAB_NAME, others=False),
    ]
    result, outputs = Result(), []
    forget(LAB_NAME)
    try:
        up(LAB_NAME, HOSTS, LAB_CONFIG, is_shown=False)
        for suite in suites:
            its, output = suite.run(capture=capture)
            result += its
            outputs.append(output)
    except LabFailedError as error:
        return Result(failed=1), str(error)
    finally:
        down(LAB_NAME)
    return result, "\n".join(outputs)
