"""Logins of a front, as Dovecot asks for them."""

import json

from chatmaild.accounts.limits.creations import Creations
from chatmaild.accounts.refusals import Refusals
from chatmaild.address import Address
from chatmaild.directory.logins import Logins
from chatmaild.settings import Settings

from ...conftest import SETTINGS_FILE
from ..conftest import Front, World

IP = "2001:db8::1"
LIMITS = Settings.from_json(json.loads(SETTINGS_FILE.read_text())).registration


class Checks:
    """Logins of a front, and what they ask."""

    def __init__(self, world: World, *placements: dict[str, int]) -> None:
        self.world = world
        self.front = Front(world, *placements)
        self.refusals = Refusals()
        self.creations = Creations(LIMITS, lambda: 0.0)
        self.logins = Logins(
            self.front.directory, "chat.example.org", self.refusals, self.creations
        )

    async def store(self, address: Address, password: str = "secret") -> str | None:
        """Return the name of the store at which a login is accepted."""
        accepted = await self.logins.check(address, password.encode(), IP)
        if accepted is None:
            return None
        places = {machine.address: name for name, machine in self.world.machines.items()}
        return places[accepted.token]
