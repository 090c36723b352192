"""The progress bar of `lab up`."""

import sys

import click


class Progress:
    """A bar on stderr while the Debian image is built; nothing if it exists."""

    def __init__(self) -> None:
        self._percent = -1

    def __call__(self, fraction: float, line: str) -> None:
        percent = int(fraction * 100)
        if percent == self._percent:
            return
        self._percent = percent
        bar = "#" * (percent // 4)
        text = f"building the Debian image (once) [{bar:<25}] {percent:3} %"
        if sys.stderr.isatty():
            click.echo(f"\r{text} {line[:40]:<40}", err=True, nl=percent >= 99)
        elif percent % 10 == 0:
            click.echo(text, err=True)
