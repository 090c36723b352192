"""Reading of the merged description: small helpers that name the option when something is off."""

from collections.abc import Mapping
from typing import Any

from chatmail_lab.errors import LabError

# what JSON can hold
Data = Any
Attrs = Mapping[str, Any]


def only(option: str, given: Attrs, known: frozenset[str]) -> None:
    """Check that nothing is asked for that the lab would silently leave out.

    Raises:
        LabError: naming the first option that is not in `known`.
    """
    unknown = sorted(set(given) - known)
    if unknown:
        raise LabError(
            f"the lab cannot render `{option}.{unknown[0]}'; it knows {', '.join(sorted(known))}"
        )


def as_list(value: Data) -> list[Data]:
    """A value, or several, as a list; null is none."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def yes_no(value: Data) -> str:
    """A scalar, with booleans as most daemons write them."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
