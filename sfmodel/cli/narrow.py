"""Add seeds to a sweep until the effect of each of its changes on a figure is known to within a half-width, or until there are as
many seeds as you allow. How many that takes follows from the seeds that are there (Stein's procedure in two stages)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sfmodel.cli.compose import quoted
from sfmodel.errors import ConfigError, nearest

MOST = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("sweep", nargs="?", default="latest", help="folder or name of a sweep (default: latest)")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of all runs (default: runs)")
    parser.add_argument("--figure", required=True, help="key of summary.json, such as response_p95 or within_sla")
    parser.add_argument(
        "--half",
        required=True,
        help="half of the 95 %% interval that is wanted, in the figure's unit: '5 ms', '0.5 %%'",
    )
    parser.add_argument("--most", type=int, default=MOST, help=f"seeds in all, at most (default: {MOST})")
    parser.add_argument("--period", help="whole, normal or peak (default: peak if the runs have it)")
    parser.add_argument("--only-say", action="store_true", help="say how many seeds it takes, and run nothing")


def execute(arguments: argparse.Namespace) -> int:
    """Run what is missing and print the table."""
    from sfmodel.cli import run
    from sfmodel.console import stdout
    from sfmodel.rows.rows import to_bound
    from sfmodel.sweeps import find_sweep, recorded_sweep
    from sfmodel.sweeps.effects import effects_of
    from sfmodel.sweeps.effects_table import effects_table
    from sfmodel.sweeps.narrowing import first_stage, seeds_needed, with_stages
    from sfmodel.sweeps.observations import observe

    folder, figure = find_sweep(arguments.sweep, arguments.runs), arguments.figure
    sweep = recorded_sweep(folder)
    if int(sweep.config.get("replications") or 1) > 1:
        raise ConfigError("narrow: it adds seeds, one a run; make the sweep with seed=1,2,3 and without replications")
    observations = observe(folder, arguments.period)
    if observations.missing:
        raise ConfigError(
            f"narrow: {len(observations.missing)} points of the sweep are not finished, or failed, the first is "
            f"{observations.missing[0]}; go on with it first, sfmodel run resume={folder}, and make a sweep without those that "
            "cannot run"
        )
    if figure not in observations.figures:
        raise ConfigError(f"--figure: no run shows '{figure}'; {nearest(figure, observations.figures)}")
    title, unit = observations.figures[figure]
    try:
        half = to_bound(arguments.half, unit)
    except ValueError as error:
        raise ConfigError(f"--half: {error}") from None
    if not half > 0:
        raise ConfigError(f"--half: expected more than 0, found {arguments.half}")
    every = effects_of(observations, [figure])
    if not any(figure in row.by_seed for one in every for row in one.rows):
        raise ConfigError(f"--figure: not all runs show '{figure}', so nothing can be said of effects on it")
    seeds = sorted(set.intersection(*(set(one.seeds) for one in every)))
    stage = first_stage(folder, seeds)
    wanted = seeds_needed(every, stage, figure, half)
    total = max(len(seeds), min(wanted, arguments.most))
    allowed = f", of which --most allows {total}" if wanted > total else ""
    print(f"{title}, ± {arguments.half}: {wanted} seeds{allowed}; there are {len(seeds)}", flush=True)
    if arguments.only_say:
        return 0
    if total > len(seeds):
        more = range(max(seeds) + 1, max(seeds) + 1 + total - len(seeds))
        status = run.execute_raw(_with_seeds(sweep.words, [*seeds, *more], folder))
        if status:
            return status
        every = effects_of(observe(folder, arguments.period), [figure])
    for one in with_stages(every, stage, figure):
        stdout().print(effects_table(one, observations.figures, [figure]))
    print(
        f"± half of 95 % intervals over {total} seeds, by the variance of the first {len(stage)} (Stein's procedure). "
        "Those of 'sfmodel effects' are by the variance of all."
    )
    if wanted > total:
        print(f"Not all are within ± {arguments.half}: that takes {wanted} seeds; allow them, --most {wanted}.")
    return 0


def _with_seeds(words: Sequence[str], seeds: Sequence[int], folder: Path) -> list[str]:
    """The words of a sweep with more seeds, where it has its seeds, since points are named in this order; into its folder."""
    seed = f"seed={','.join(map(str, seeds))}"
    own = [seed if word.startswith("seed=") else word for word in words if not word.startswith("hydra.sweep.dir=")]
    return [*own, *([] if seed in own else [seed]), f"hydra.sweep.dir={quoted(str(folder))}"]
