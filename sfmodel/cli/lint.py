"""Check a platform without simulating: who calls whom, the load of each station, retries, timeouts, holds."""

from __future__ import annotations

import argparse

from sfmodel.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("platform", help="name of a platform (sfmodel list platforms)")
    parser.add_argument("overrides", nargs="*", default=[], help="further keys, as for sfmodel run")
    parser.add_argument("--hit", default="80 %", help="assumed hit ratio of every cache (default: 80 %%)")


def execute(arguments: argparse.Namespace) -> int:
    """Print the findings; problems of a platform are no failure of the command."""
    from sfmodel.cli.compose import composed
    from sfmodel.lint import lint
    from sfmodel.schema import parse_run
    from sfmodel.schema.quantities import to_share
    from sfmodel.schema.references import check_references

    try:
        hit = to_share(arguments.hit)
    except ValueError as error:
        raise ConfigError(f"lint: --hit: {error}") from None
    run = parse_run(composed([f"platform={arguments.platform}", *arguments.overrides]))
    check_references(run)
    print(lint(run, hit))
    return 0
