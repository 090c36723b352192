"""Two first logins of a new address, on two fronts at the same time, create one account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from chatmail_testkit.people.names import new_password
from chatmail_testkit.people.person import Person
from chatmail_testkit.relays.cluster.machine import ClusterMachine
from chatmail_testkit.relays.machine import RemoteMachine
from cluster.conftest import PersonAt
from conftest import PersonFactory
from imapclient.exceptions import LoginError

ADDRESSES = 2
OK, WRONG_PASSWORD = "", "AUTHENTICATIONFAILED"


def test_one_password_opens_it(
    new_person: PersonFactory, person_at: PersonAt, cluster: ClusterMachine
) -> None:
    """At both fronts, and the account is on one store."""
    for _ in range(ADDRESSES):
        alice = new_person(cluster.host)
        claims = [
            person_at(front, replace(alice, password=new_password()))
            for front in cluster.fronts[:2]
        ]
        with ThreadPoolExecutor(len(claims)) as pool:
            answers = list(pool.map(_login, claims))

        assert sorted(answers) == [OK, WRONG_PASSWORD]
        owner = claims[answers.index(OK)]
        assert [_login(person_at(front, owner)) for front in cluster.fronts[:2]] == [OK, OK]
        homes = [store for store in cluster.stores if alice.address in _homes(store)]
        assert len(homes) == 1


def _login(person: Person) -> str:
    """Returns the response code (RFC 5530) of a refusal."""
    try:
        person.logs_in()
    except LoginError as error:
        return str(error).partition("[")[2].partition("]")[0]
    return OK


def _homes(store: RemoteMachine) -> str:
    return store.run("ls", "/var/lib/chatmail/mail")
