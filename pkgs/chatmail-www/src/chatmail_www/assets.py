"""Assets: their names contain a hash, so that browsers can cache them for a year."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from chatmail_www.errors import TextError

ASSETS_DIR = Path(__file__).parent / "assets"

HASH_LENGTH = 10

DARK = "dark-"
"""Prefix of a theme entry for the dark colours."""


def hashed_name(name: str, content: bytes) -> str:
    """The path of an asset below the pages, such as `assets/style.0a1b2c3d4e.css`."""
    stem, suffix = name.rsplit(".", 1)
    digest = hashlib.sha256(content).hexdigest()[:HASH_LENGTH]
    return f"assets/{stem}.{digest}.{suffix}"


def stylesheet(source: str, theme: Mapping[str, str]) -> str:
    """`source` followed by the operator's values for its CSS variables.

    Raises:
        TextError: names the theme entry that is unknown or invalid.
    """
    known = set(re.findall(r"--([a-z-]+):", source))
    light: list[str] = []
    dark: list[str] = []
    for name, value in sorted(theme.items()):
        variable = name.removeprefix(DARK)
        if variable not in known:
            raise TextError(f"web.theme.{name}: unknown; known are {', '.join(sorted(known))}")
        # the type of the option refuses characters that end the declaration
        if "url(" in value.lower():
            raise TextError(f"web.theme.{name}: {value!r} must be a plain CSS value, without url()")
        (dark if name.startswith(DARK) else light).append(f"--{variable}:{value};")
    if light:
        source += f":root{{{''.join(light)}}}\n"
    if dark:
        source += f"@media (prefers-color-scheme:dark){{:root{{{''.join(dark)}}}}}\n"
    return source


def logo_shapes() -> str:
    """The elements inside the SVG of the logo, in 64 x 64 units."""
    svg = (ASSETS_DIR / "logo.svg").read_text(encoding="utf-8")
    return svg[svg.index(">") + 1 : svg.rindex("</svg>")]
