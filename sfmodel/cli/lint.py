"""Check a platform without simulating: who calls whom, the load of each station, retries, timeouts, holds."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("platform", help="name of a platform (sfmodel list platforms)")
    parser.add_argument("overrides", nargs="*", default=[], help="further keys, as for sfmodel run")
    parser.add_argument(
        "--hit",
        action="append",
        default=[],
        help="assumed hit ratio of all caches, or of one: --hit 85%% --hit content.metadata=92%% (default: 80 %%)",
    )


def execute(arguments: argparse.Namespace) -> int:
    """Print the findings; problems of a platform are no failure of the command."""
    from sfmodel.cli.compose import composed
    from sfmodel.lint import lint
    from sfmodel.lint.hits import hits_from
    from sfmodel.plan import build_plan
    from sfmodel.schema import parse_run
    from sfmodel.schema.references import check_references

    run = parse_run(composed([f"platform={arguments.platform}", *arguments.overrides]))
    check_references(run)
    build_plan(run)
    print(lint(run, hits_from(arguments.hit, run.platform)))
    return 0
