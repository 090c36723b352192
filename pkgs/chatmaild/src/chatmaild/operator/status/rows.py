"""Rows of the screen for the machines of a cluster."""

from chatmaild.operator.status.machines import Machine
from chatmaild.operator.status.state import State


def of_all_stores(state: State) -> str:
    """Return a remark on numbers that are sums: how many of the stores are in them."""
    stores = [machine for machine in state.machines if machine.role == "store"]
    told = sum(bool(machine.told) for machine in stores)
    return "" if told == len(stores) else f" (of {told} of {len(stores)} stores)"


def of_machine(machine: Machine) -> tuple[str, bool]:
    """Return what is known of another machine in a line, and whether it is well."""
    if machine.problem:
        return "does not answer", False
    if machine.is_other:
        return "another store than before", False
    if machine.role == "front":
        return "answers in the tunnel", True
    problems = machine.list_of("problems")
    number = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    sessions = machine.told.get("sessions")
    imap = sessions.get("IMAP", 0) if isinstance(sessions, dict) else 0
    free = [one.get("free_megabytes") for one in machine.list_of("spaces")]
    least = min((mb for mb in free if isinstance(mb, int | float)), default=0)
    parts = (
        number if problems else "well",
        f"version {machine.told.get('version')}",
        f"{machine.number('people') + machine.number('tests')} addresses",
        f"{imap} sessions",
        f"{least:.0f} MiB free",
    )
    return ", ".join(parts), not problems
