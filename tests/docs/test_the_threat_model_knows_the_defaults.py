"""docs/threat-model.md names limits with the options that set them, and their defaults."""

import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
LIMIT = re.compile(r"`([a-z]+\.[A-Za-z0-9]+)` ([0-9]+|true|false)\b")
OPTION = re.compile(
    r"(?ms)^### `services\.chatmail\.([A-Za-z0-9.]+)`$(?:(?!^###).)*?^\* Default: `([^`]*)`$"
)


def test_the_limits_are_those_of_the_options() -> None:
    """As docs/options.md has them, which is made from the declarations."""
    defaults = dict(OPTION.findall((CHECKOUT / "docs/options.md").read_text()))
    limits = dict(LIMIT.findall((CHECKOUT / "docs/threat-model.md").read_text()))

    assert len(limits) > 10
    assert {name: defaults.get(name) for name in limits} == limits
