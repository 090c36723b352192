"""`chatmail domains`."""

import json

import click

from chatmaild.cli import EXIT_FAILED, print_lines
from chatmaild.errors import DomainError
from chatmaild.settings import Settings


def _parsed(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> tuple[str, ...]:
    from chatmaild.net.domains import parse_rule

    try:
        return tuple(map(parse_rule, texts))
    except DomainError as error:
        raise click.BadParameter(str(error), context, parameter) from error


_domains = click.argument("domains", nargs=-1, required=True, callback=_parsed, metavar="DOMAIN...")
_json = click.option("--json", "wants_json", is_flag=True, help="Print the rules as JSON.")


@click.group()
def domains() -> None:
    """Choose the domains with which the relay exchanges mail; takes effect at once.

    A rule for example.org covers all names below it. An IP address covers mail of user@[ADDRESS].
    """


def _show(settings: Settings, *, wants_json: bool) -> None:
    from chatmaild.operator.decisions import domains as work

    rules = work.listed(settings)
    if wants_json:
        click.echo(json.dumps(rules.as_json(), indent=2))
        return
    print_lines(work.in_lines(rules))


@domains.command("list")
@_json
@click.pass_obj
def list_(settings: Settings, wants_json: bool) -> None:
    """List all rules: those of this command, and those of the options."""
    _show(settings, wants_json=wants_json)


@domains.command()
@_domains
@_json
@click.pass_obj
def block(settings: Settings, domains: tuple[str, ...], wants_json: bool) -> None:
    """Block mail from and to these domains; queued mail is returned at its next retry."""
    from chatmaild.operator.decisions import domains as work

    work.block(settings, domains)
    _show(settings, wants_json=wants_json)


@domains.command()
@_domains
@_json
@click.pass_obj
def only(settings: Settings, domains: tuple[str, ...], wants_json: bool) -> None:
    """Add to the allowed domains, and block all others."""
    from chatmaild.operator.decisions import domains as work

    work.allow_only(settings, domains)
    _show(settings, wants_json=wants_json)


@domains.command()
@_domains
@_json
@click.pass_obj
def remove(settings: Settings, domains: tuple[str, ...], wants_json: bool) -> None:
    """Remove rules of this command; without a rule of `only`, other domains are allowed again."""
    from chatmaild.operator.decisions import domains as work

    work.remove(settings, domains)
    _show(settings, wants_json=wants_json)


@domains.command()
@_domains
@click.pass_obj
def check(settings: Settings, domains: tuple[str, ...]) -> int:
    """Show for each domain whether it is allowed, and by which rule; exits 1 if one is not."""
    from chatmaild.operator.decisions import domains as work

    found = [work.check(settings, domain) for domain in domains]
    print_lines(line for _, line in found)
    return 0 if all(is_allowed for is_allowed, _ in found) else EXIT_FAILED
