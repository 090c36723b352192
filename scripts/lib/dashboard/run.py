"""scripts/dashboard-picture: pictures of the Grafana dashboard, with data of a relay of the lab."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
import labs
from dashboard.drawing import COLUMN, Span, page
from dashboard.panels import panels
from labs import CHECKOUT, LabFailedError
from PIL import Image
from steps import say, step
from webtest.browser import Browser, Look, chromium

IMAGES: Final = CHECKOUT / "docs" / "images"
DASHBOARD: Final = CHECKOUT / "pkgs" / "chatmail-monitoring" / "dashboard.json"
CONFIG: Final = CHECKOUT / "tests" / "e2e" / "lab.nix"  # with metrics
TRAFFIC: Final = Path(__file__).with_name("traffic.py")
RELAYS: Final = ("a.test", "b.test")
LOOKS: Final = (
    Look(name="light", width=24 * COLUMN, height=900, dark=False),
    Look(name="dark", width=24 * COLUMN, height=900, dark=True),
)


@click.command()
@click.option("--name", default="dashboard", show_default=True, help="Name of the lab.")
@click.option("--seconds", default=150, show_default=True, help="How long mail is sent.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Keep Prometheus' answers in this file; if it is there, use it and start no lab.",
)
def main(*, name: str, seconds: int, data: Path | None) -> None:
    """Write docs/images/dashboard-light.webp and dashboard-dark.webp."""
    try:
        answers = json.loads(data.read_text()) if data and data.exists() else _seen(name, seconds)
    except LabFailedError as error:
        sys.exit(str(error))
    if data:
        data.write_text(json.dumps(answers))
    dashboard = json.loads(DASHBOARD.read_text())
    span = Span(start_s=answers["start"], end_s=answers["end"])
    html = page(dashboard["title"], panels(dashboard, answers["panels"]), span)
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder) / "profile") as browser:
        file = Path(folder) / "dashboard.html"
        file.write_text(html)
        for look in LOOKS:
            path = IMAGES / f"dashboard-{look.name}.webp"
            path.write_bytes(_picture(browser, look, file.as_uri()))
            say(f"{path}: {path.stat().st_size} bytes")


def _seen(name: str, seconds: int) -> Mapping[str, Any]:
    """What a Prometheus saw of a relay that has mail for some time.

    Raises:
        LabFailedError: there is no lab, or the mail did not go.
    """
    with labs.lab(name, RELAYS, CONFIG), step(f"mail for {seconds} s"):
        command = labs.python(name, str(TRAFFIC), name, *RELAYS, "--seconds", str(seconds))
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise LabFailedError("the mail did not go; the reason is above")
        answers: Mapping[str, Any] = json.loads(done.stdout)
        return answers


def _picture(browser: Browser, look: Look, url: str) -> bytes:
    """The whole page."""
    browser.look(look)
    browser.open(url)
    shot = Image.open(io.BytesIO(browser.picture_of("html"))).convert("RGB")
    small = io.BytesIO()
    shot.save(small, format="WEBP", lossless=True, method=6)
    return small.getvalue()


if __name__ == "__main__":
    main()
