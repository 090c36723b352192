"""scripts/bench: speed, memory and cost of a relay, ours beside stock daemons."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import click
from bench import results
from bench.costs import model, report
from bench.families import FAMILIES
from bench.past import history, plot
from bench.sides import BARE, OURS, Side
from steps import say, step


@click.group(invoke_without_command=True)
@click.option("--rounds", default=2, show_default=True, help="How often both sides take turns.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice([family.name for family in FAMILIES]),
    help="Measure only this; repeatable.",
)
@click.option("--save", is_flag=True, help="Append the figures to the history and draw it anew.")
@click.pass_context
def main(context: click.Context, *, rounds: int, only: Sequence[str], save: bool) -> None:
    """Measure our relay and stock daemons in turns, and print a table with the goals.

    The machine must be quiet. For a busy one there is `model`.
    """
    if context.invoked_subcommand is not None:
        return
    chosen = [family for family in FAMILIES if not only or family.name in only]
    found = results.measured(chosen, rounds)
    results.print_table(found.medians())
    if save:
        history.append("speed", found.medians())
        plot.draw()
    if found.failed:
        sys.exit("\n".join(["", "not measured:", *found.failed]))


@main.command("model")
@click.option("--rounds", default=2, show_default=True, help="The lowest CPU time counts.")
@click.option("--only", multiple=True, type=click.Choice([work.name for work in model.WORKS]))
@click.option("--bare", is_flag=True, help="Also of the stock daemons.")
@click.option(
    "--config",
    "configs",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Also of our relay with this configuration, in turns; repeatable.",
)
@click.option("--programs", is_flag=True, help="Print each program of a daemon.")
@click.option("--save", is_flag=True, help="Append the sums to the history and draw it anew.")
def model_command(
    *,
    rounds: int,
    only: Sequence[str],
    bare: bool,
    configs: Sequence[Path],
    programs: bool,
    save: bool,
) -> None:
    """Print what a login and a message cost each daemon; on a busy machine, too."""
    sides = [
        OURS,
        *([BARE] if bare else []),
        *(Side(lab=f"bench-{path.stem}", config=path) for path in configs),
    ]
    with step("labs"), contextlib.ExitStack() as stack:
        for side in sides:
            stack.enter_context(side.up())
            model.counted(side, model.logins(50))  # starts processes and opens connections
        found = {
            work.name: model.in_turns(sides, work, rounds)
            for work in model.WORKS
            if not only or work.name in only
        }
    report.print_models(found, programs=programs)
    if save:
        history.append("model", report.sums(found))
        plot.draw()


@main.command("plot")
def plot_command() -> None:
    """Draw the pictures of the history anew."""
    plot.draw()
    say("drawn")


if __name__ == "__main__":
    main()
