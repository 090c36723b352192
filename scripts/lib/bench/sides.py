"""The two sides of a comparison, a lab each: our relay, and stock daemons without ours."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import labs
from chatmail_testkit.people.names import Account, new_name, new_password
from labs import LabFailedError

HERE: Final = Path(__file__).parent
LOAD: Final = HERE / "load.py"
RELAYS: Final = ("a.test", "b.test")
DISK: Final = "4G"  # the messages of all rounds, and the free space that new addresses need
DEADLINE_S: Final = 600.0
# of load.py, whatever started this process
MODULES: Final = f"{labs.CHECKOUT}/scripts/lib:{labs.CHECKOUT}/pkgs/chatmail-testkit/src"
# addresses at each relay for one measurement; more than any of them takes
_PEOPLE: Final = 1500
_TABLE: Final = "/etc/dovecot/users"
# what a relay has beside Postfix, Dovecot and the resolver
_OURS: Final = "systemctl stop 'chatmail-*.service' 'chatmail-*.timer' nginx coturn"

Figures = dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A lab with its configuration; `is_bare` has a table of users, and nothing of ours."""

    lab: str
    config: Path
    is_bare: bool = False

    @contextlib.contextmanager
    def up(self) -> Iterator[None]:
        """Start its relays, and take them down after the body.

        Raises:
            LabFailedError: they did not start.
        """
        with labs.lab(self.lab, RELAYS, self.config, disk=DISK):
            if self.is_bare:
                for relay in RELAYS:
                    labs.output(self.lab, relay, "sh", "-c", _OURS)
            yield

    def output(self, *command: str, relay: str = RELAYS[0], stdin: str = "") -> str:
        """Return the output of a command on a relay.

        Raises:
            LabFailedError: its exit code is not 0.
        """
        return labs.output(self.lab, relay, *command, stdin=stdin, timeout_s=DEADLINE_S)

    @contextlib.contextmanager
    def load(
        self,
        *arguments: str,
        domain: str = RELAYS[0],
        people: int = _PEOPLE,
        stdin: int | None = None,
    ) -> Iterator[subprocess.Popen[str]]:
        """Run load.py with new addresses; `people` is their number at each relay."""
        with self._people(people) as options:
            command = labs.python(self.lab, str(LOAD), *arguments, "--domain", domain, *options)
            with subprocess.Popen(
                command,
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"PYTHONPATH": MODULES},
            ) as running:
                try:
                    yield running
                finally:
                    running.kill()

    def figures(self, *arguments: str, domain: str = RELAYS[0], people: int = _PEOPLE) -> Figures:
        """Return the figures of one run of load.py.

        Raises:
            LabFailedError: it failed; with the last line of its errors.
        """
        with self.load(*arguments, domain=domain, people=people) as running:
            printed, errors = running.communicate(timeout=DEADLINE_S)
            return figures_of(running, printed, errors)

    @contextlib.contextmanager
    def _people(self, count: int) -> Iterator[Sequence[str]]:
        """Give new people to a bare relay; the options tell load.py their names."""
        if not self.is_bare:
            yield ()
            return
        password = new_password()
        people = [
            Account(address=f"{new_name()}@{relay}", password=password)
            for relay in RELAYS
            for _ in range(count)
        ]
        table = _table(people)
        for relay in RELAYS:
            self.output("sh", "-c", f"cat > {_TABLE}", relay=relay, stdin=table)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump([[one.address, one.password] for one in people], file)
            file.flush()
            yield ("--people", file.name)


def figures_of(running: subprocess.Popen[str], printed: str, errors: str) -> Figures:
    """Return what load.py printed at its end.

    Raises:
        LabFailedError: it failed; with the last line of its errors.
    """
    if running.returncode:
        last = (errors.strip().splitlines() or ["no error message"])[-1]
        raise LabFailedError(f"load.py: {last}")
    figures: Figures = json.loads(printed.splitlines()[-1])
    return figures


def line(stream: IO[str] | None) -> str:
    """Return the next line of a pipe, without its end."""
    assert stream is not None
    return stream.readline().strip()


def _table(people: Sequence[Account]) -> str:
    """Dovecot's passwd-file. All have one password, so it is hashed once.

    SSHA512: our relay checks a password that it knows by one keyed digest; the cheapest scheme of
    Dovecot with a salt costs as little. 22 random characters need no slow hash.
    """
    password = people[0].password.encode()
    salt = b"bench"
    digest = hashlib.sha512(password + salt).digest()
    encoded = "{SSHA512}" + base64.b64encode(digest + salt).decode()
    return "".join(f"{one.address}:{encoded}\n" for one in people)


OURS: Final = Side(lab="bench-ours", config=HERE / "ours.nix")
BARE: Final = Side(lab="bench-bare", config=HERE / "bare.nix", is_bare=True)
