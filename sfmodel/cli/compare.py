"""Compare two runs: the difference of every headline figure, and whether it is more than chance."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from sfmodel.errors import ConfigError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("a", metavar="A", help="folder or name of the run that is compared with")
    parser.add_argument("b", metavar="B", help="folder or name of the other run")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    parser.add_argument(
        "--period", help="whole, normal or peak (default: the peak hours if both runs have any, else the whole run)"
    )
    parser.add_argument("--every", action="store_true", help="show figures without a difference too")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def execute(arguments: argparse.Namespace) -> int:
    """Print the table."""
    from sfmodel.results.comparison import compare, said, said_to_differ
    from sfmodel.results.comparison_table import NOTHING, comparison_data, comparison_table
    from sfmodel.results.folder import find_run, open_run
    from sfmodel.results.summary import PERIODS

    a, b = (find_run(name, arguments.runs) for name in (arguments.a, arguments.b))
    if a.resolve() == b.resolve():
        raise ConfigError(f"compare: {a.name} is named twice; name another run")
    if arguments.period is not None and arguments.period not in PERIODS:
        raise ConfigError(f"--period: expected {', '.join(PERIODS)}, found '{arguments.period}'")
    comparison = compare(open_run(a), open_run(b))
    if arguments.json:
        print(json.dumps(comparison_data(comparison), indent=2, ensure_ascii=False))
        return 0
    period = arguments.period or ("peak" if "peak" in comparison.effects else "whole")
    if period not in comparison.effects:
        raise ConfigError(f"--period: these runs have no {PERIODS[period]}; there are {', '.join(comparison.effects)}")
    from sfmodel.console import stdout

    effects = comparison.effects[period]
    stdout().print(comparison_table(comparison, period, (a.name, b.name), every=arguments.every))
    print(said(comparison))
    print(said_to_differ(comparison))
    same = sum(effect.is_found is False for effect in effects)
    if same == len(effects):
        print(f"{NOTHING} in any of {same} figures")
    elif same:
        print(f"{NOTHING} in {same} of {len(effects)} figures" + ("" if arguments.every else "; --every shows them"))
    return 0
