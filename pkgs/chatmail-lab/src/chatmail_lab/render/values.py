"""Helpers that read values of the merged configuration."""

from collections.abc import Mapping
from typing import Any

from chatmail_lab.errors import LabError

# any JSON value
Data = Any
Attrs = Mapping[str, Any]


def refuse_unknown(option: str, given: Attrs, known: frozenset[str]) -> None:
    """Refuse options that the lab would silently ignore.

    Raises:
        LabError: It names the first option that is not in `known`.
    """
    unknown = sorted(set(given) - known)
    if unknown:
        raise LabError(
            f"the lab cannot render `{option}.{unknown[0]}`; it knows {', '.join(sorted(known))}"
        )


def as_list(value: Data) -> list[Data]:
    """Return a value, or a list of values, as a list; null is the empty list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def yes_no(value: Data) -> str:
    """Return a scalar as text, with booleans as `yes` and `no`."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
