"""What each change of a sweep does to each figure, with intervals: of a factorial design main effects and interactions, else
each point beside the first."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from sfmodel.errors import ConfigError, nearest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("sweep", nargs="?", default="latest", help="folder or name of a sweep (default: latest)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    parser.add_argument("--figures", help="keys of summary.json, comma-separated (default: the platform's aims)")
    parser.add_argument("--period", help="whole, normal or peak (default: peak if the runs have it)")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument("-o", "--output", type=Path, help="draw them into this file, svg, png or pdf")


def execute(arguments: argparse.Namespace) -> int:
    """Print the tables."""
    from sfmodel.results.summary import PERIODS
    from sfmodel.sweeps import find_sweep, recorded_sweep
    from sfmodel.sweeps.effects import effects_of
    from sfmodel.sweeps.effects_table import effects_data, effects_table, said
    from sfmodel.sweeps.observations import observe

    if arguments.period is not None and arguments.period not in PERIODS:
        raise ConfigError(f"--period: expected {', '.join(PERIODS)}, found '{arguments.period}'")
    folder = find_sweep(arguments.sweep, arguments.runs)
    observations = observe(folder, arguments.period)
    sweep = recorded_sweep(folder)
    keys = _keys(arguments.figures, str(sweep.config["platform"]["name"]), observations.figures)
    every = effects_of(observations, list(observations.figures) if arguments.json else keys)
    if arguments.json:
        print(json.dumps(effects_data(every, observations), indent=2, ensure_ascii=False))
    else:
        from sfmodel.console import stdout

        for one in every:
            stdout().print(effects_table(one, observations.figures, keys))
        print(said(every[0]))
        print(f"Of the {PERIODS[observations.period]}; in parentheses: no difference found.")
        if observations.missing:
            print(
                f"{len(observations.missing)} points are not finished, or failed: sfmodel run resume={folder} goes on with them, "
                "and says why one fails"
            )
    if arguments.output:
        from sfmodel.figures.effects import draw_effects
        from sfmodel.sweeps.source import source_of

        print(draw_effects(every, observations.figures, keys, arguments.output, source_of(folder)))
    return 0


def _keys(asked: str | None, platform: str, figures: Mapping[str, tuple[str, str]]) -> Sequence[str]:
    from sfmodel.sweeps.observations import judged_by

    if asked is None:
        return judged_by(platform, figures)
    keys = [key.strip() for key in asked.split(",") if key.strip()]
    for key in keys:
        if key not in figures:
            raise ConfigError(f"--figures: no run shows '{key}'; {nearest(key, figures)}")
    if not keys:
        raise ConfigError("--figures: name at least one")
    return keys
