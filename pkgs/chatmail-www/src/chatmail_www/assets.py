"""Files whose names carry a hash of their content, so that browsers keep them for a year."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from chatmail_www.errors import TextError

ASSETS_DIR = Path(__file__).parent / "assets"

HASH_LENGTH = 10

DARK = "dark-"
"""Prefix of a theme name that applies to the dark colours."""


def hashed_name(name: str, content: bytes) -> str:
    """The path of an asset below the pages, as `assets/style.0a1b2c3d4e.css`."""
    stem, suffix = name.rsplit(".", 1)
    digest = hashlib.sha256(content).hexdigest()[:HASH_LENGTH]
    return f"assets/{stem}.{digest}.{suffix}"


def stylesheet(source: str, theme: Mapping[str, str]) -> str:
    """The CSS `source` followed by the operator's values for its variables.

    Raises:
        TextError: naming the theme entry that the stylesheet does not know or cannot take.
    """
    known = set(re.findall(r"--([a-z-]+):", source))
    light: list[str] = []
    dark: list[str] = []
    for name, value in sorted(theme.items()):
        variable = name.removeprefix(DARK)
        if variable not in known:
            raise TextError(f"web.theme.{name}: unknown; known are {', '.join(sorted(known))}")
        # characters that end the declaration are refused by the type of the option
        if "url(" in value.lower():
            raise TextError(f"web.theme.{name}: {value!r} is no plain CSS value")
        (dark if name.startswith(DARK) else light).append(f"--{variable}:{value};")
    if light:
        source += f":root{{{''.join(light)}}}\n"
    if dark:
        source += f"@media (prefers-color-scheme:dark){{:root{{{''.join(dark)}}}}}\n"
    return source


def logo_shapes() -> str:
    """The shapes inside the logo, in 64 x 64 units."""
    svg = (ASSETS_DIR / "logo.svg").read_text(encoding="utf-8")
    return svg[svg.index(">") + 1 : svg.rindex("</svg>")]
