"""`registration.automatic` is a budget for addresses that apps create by themselves, and no others.

Core trusts its built-in authorities and not the lab's, so it meets a relay that signs its own
certificate. The public relays that it knows do not exist in the lab.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from chatmail_testkit.people.names import automatic_password
from chatmail_testkit.relays.lab import LabTarget
from chatmail_testkit.relays.registration import registration
from chatmail_testkit.relays.target import Machine
from chatmail_testkit.web.client import request
from conftest import PersonFactory
from delta_chat.server import core, login_of
from deltachat_rpc_client.rpc import JsonRpcError
from imapclient.exceptions import LoginError

pytestmark = pytest.mark.disturbs
METRICS = "http://127.0.0.1:8700/metrics"


@pytest.fixture
def host(lab: LabTarget, untrusted: str) -> Machine:
    """The host of that relay."""
    return lab.machine(untrusted)


def test_the_budget_of_apps_is_not_that_of_people(
    untrusted: str,
    host: Machine,
    credulous: LabTarget,
    new_credulous_person: PersonFactory,
    tmp_path: Path,
) -> None:
    """Core marks what it creates by itself; beyond the limit it is refused with the reason."""
    with core(tmp_path / "core") as chats, registration(host, {"automatic": 1}):
        status = host.run("chatmail", "registration", "status").splitlines()
        assert status == ["open", "apps may create one address an hour by themselves"]

        scanned = chats.add_account()
        scanned.add_transport_from_qr(f"DCACCOUNT:{untrusted}")
        assert len(login_of(scanned)[1]) == 22

        # the relay of the inviter is one that core may choose, here the only one that answers
        joining = chats.add_account()
        joining.init_transports(scanned.get_qr_code())
        address, password = login_of(joining)
        assert (address.partition("@")[2], len(password)) == (untrusted, 23)

        with pytest.raises(JsonRpcError):
            chats.add_account().init_transports(scanned.get_qr_code())

        app, person = new_credulous_person(untrusted), new_credulous_person(untrusted)
        app.password = automatic_password()
        with pytest.raises(LoginError) as refusal:
            app.logs_in()
        assert "[UNAVAILABLE] Apps have created enough addresses here" in str(refusal.value)
        assert person.imap.noop()
        assert request(credulous, "POST", untrusted, "/new").status == 200

        page = host.run("curl", "-sS", "--fail", METRICS).splitlines()
        assert 'chatmail_addresses_created_total{kind="automatic"} 1' in page
        [refused] = [line for line in page if 'refused_total{reason="automatic-limit"}' in line]
        # core tries each port
        assert int(refused.split()[-1]) >= 2

    with (
        registration(host, {"automatic": "refuse"}),
        pytest.raises(LoginError, match="takes no addresses that apps create by themselves"),
    ):
        app.logs_in()
    assert app.imap.noop()
