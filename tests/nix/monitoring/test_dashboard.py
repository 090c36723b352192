"""The committed dashboard and alerts are those of the Nix files, and name known metrics.

`UPDATE_GOLDEN=1 pytest tests/nix` updates them.
"""

import json
import os
import re
from typing import Any

import pytest
from chatmail_lab.image.chroot import path_in_image
from chatmaild.metrics.counters import full_name
from chatmaild.metrics.families import FAMILIES
from nixtest.checkout import CHECKOUT
from nixtest.relay import InRoot

PACKAGE = CHECKOUT / "pkgs" / "chatmail-monitoring"
# made by Prometheus itself
FOREIGN = {"up"}
_WORD = re.compile(r"\b(?:chatmail_[a-z0-9_]+|up)\b")


def _known() -> set[str]:
    names = set(FOREIGN)
    for name, family in FAMILIES.items():
        suffixes = ("_bucket", "_sum", "_count") if family.buckets else ("",)
        names |= {full_name(name) + suffix for suffix in suffixes}
    return names


def _expressions(name: str) -> list[str]:
    made: dict[str, Any] = json.loads((PACKAGE / name).read_text())
    if "groups" in made:
        return [rule["expr"] for group in made["groups"] for rule in group["rules"]]
    return [target["expr"] for panel in made["panels"] for target in panel.get("targets", ())]


@pytest.mark.parametrize("name", ["alerts", "dashboard"])
def test_it_is_current(name: str, in_root: InRoot) -> None:
    """People without Nix take the JSON file."""
    maker = path_in_image(PACKAGE / f"{name}.nix")
    made = in_root(
        "env", "NIX_REMOTE=dummy://", "nix-instantiate", "--eval", "--strict", "--json", maker
    )

    file = PACKAGE / f"{name}.json"
    text = json.dumps(json.loads(made.stdout), indent=1) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(text)

    assert file.read_text() == text, "out of date: run UPDATE_GOLDEN=1 pytest tests/nix"


@pytest.mark.parametrize("name", ["alerts.json", "dashboard.json"])
def test_it_names_known_metrics(name: str) -> None:
    """Each query names at least one, and no other."""
    known = _known()
    for expression in _expressions(name):
        found = set(_WORD.findall(expression))

        assert found, expression
        assert found <= known, expression


def test_panels_do_not_overlap() -> None:
    """Grafana would move them."""
    panels = json.loads((PACKAGE / "dashboard.json").read_text())["panels"]
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells

    assert len({panel["id"] for panel in panels}) == len(panels)
