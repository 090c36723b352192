"""Renders a view as text for the screen, and as HTML for the page."""

import html
import textwrap
from typing import Final

from chatmail_setup.screen.view import View

SCREEN_WIDTH: Final = 78
# ECMA-48: clear the screen, cursor to the upper left corner
CLEAR: Final = "\x1b[2J\x1b[H"
DNS_HELP: Final = "Publish these records at your domain's provider:"
NO_NETWORK: Final = "No network: plug in a cable, or write the Wi-Fi into chatmail.toml."


def links(view: View) -> list[str]:
    """URLs of the page, one for each IP address."""
    return [
        f"http://{f'[{address}]' if ':' in address else address}:{view.page_port}/"
        for address in view.addresses
    ]


def screen(view: View) -> str:
    """Plain text for an 80-column console."""
    parts = [CLEAR + "chatmail", *textwrap.wrap(view.headline, SCREEN_WIDTH)]
    for sentence in view.sentences:
        parts += textwrap.wrap(sentence, SCREEN_WIDTH, initial_indent="* ", subsequent_indent="  ")
    if view.zone:
        parts += ["", DNS_HELP, view.zone.rstrip()]
    pages = links(view)
    parts += ["", f"This page in a browser: {pages[0]}" if pages else NO_NETWORK]
    return "\n".join(parts) + "\n"


def page(view: View) -> str:
    """One HTML page, without scripts and external resources."""
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in view.sentences)
    zone = (
        f"<h2>{html.escape(DNS_HELP)}</h2><pre>{html.escape(view.zone)}</pre>" if view.zone else ""
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta http-equiv="refresh" content="30">'
        "<title>chatmail</title><style>"
        ":root{color-scheme:light dark;font-family:system-ui,sans-serif}"
        "body{max-width:60rem;margin:2rem auto;padding:0 1rem;line-height:1.5}"
        "pre{overflow-x:auto;padding:1rem;border:1px solid}"
        f"</style></head><body><h1>chatmail</h1><p>{html.escape(view.headline)}</p>"
        f"<ul>{items}</ul>{zone}</body></html>"
    )
