"""scripts/screenshots: pictures of the home page for README.md, of pages that nginx serves."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import click
from PIL import Image
from webtest.browser import Browser, Look, chromium
from webtest.relay import running_relay

IMAGES = Path(__file__).resolve().parents[2] / "docs/images"
LOOKS = (
    Look(name="light", width=1120, height=700, dark=False),
    Look(name="dark", width=1120, height=700, dark=True),
)
# the pages have few colours: a palette makes the files a third as large
COLOURS = 96


@click.command()
def main() -> None:
    """Write docs/images/home-light.png and home-dark.png."""
    values = {"enable": True, "domain": "chat.example.org"}
    IMAGES.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_relay(Path(folder), values) as relay,
        chromium(Path(folder) / "profile") as browser,
    ):
        browser.prefer("en")
        for look in LOOKS:
            path = IMAGES / f"home-{look.name}.png"
            path.write_bytes(_picture(browser, look, f"{relay.url}/"))
            click.echo(f"{path}: {path.stat().st_size} bytes")


def _picture(browser: Browser, look: Look, url: str) -> bytes:
    """The top of a page."""
    browser.look(look)
    browser.open(url)
    png = browser.picture_of("html")
    page = Image.open(io.BytesIO(png)).convert("RGB").crop((0, 0, look.width, look.height))
    small = io.BytesIO()
    page.quantize(COLOURS).save(small, format="PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    main()
