"""How many seeds a sweep needs until its effects are known well enough; what is kept of that in its folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sfmodel.errors import ConfigError
from sfmodel.results.disk import disk_errors, write_whole
from sfmodel.results.stein import Stage, stage_of
from sfmodel.sweeps.effects import Effects

STAGE = "narrow.json"
"""File that keeps which seeds were the first stage: they alone decide how many there are."""

LEAST = 3
"""Seeds of a first stage: of two, a variance is hardly known, and many more would be asked for."""


def first_stage(folder: Path, seeds: Sequence[int]) -> list[int]:
    """Return the seeds of the first stage: those that the sweep has when this is first asked.

    Raises
    ------
    ConfigError
        There are too few, or one of the first stage is not there any more.
    """
    path = folder / STAGE
    if path.exists():
        stage = [int(seed) for seed in json.loads(path.read_text(encoding="utf-8"))]
        lost = [seed for seed in stage if seed not in seeds]
        if lost:
            raise ConfigError(
                f"narrow: seed {lost[0]} of the first stage, which {path} lists, is not in the sweep; "
                "run it again, or remove that file and begin anew with the seeds that are there"
            )
        return stage
    if len(seeds) < LEAST:
        raise ConfigError(
            f"narrow: the sweep has {len(seeds)} seeds, from which chance is hardly known; make it with at least {LEAST}, "
            f"seed={','.join(map(str, range(1, LEAST + 1)))}"
        )
    with disk_errors(folder):
        write_whole(path, json.dumps(list(seeds)))
    return list(seeds)


def seeds_needed(every: Sequence[Effects], stage: Sequence[int], figure: str, half: float) -> int:
    """Seeds in all, so that half of the interval of each change's effect on a figure is at most `half`, in its unit."""
    stages = [found for one in every for found in _stages(one, stage, figure)]
    return max(found.needed(half) for found in stages)


def with_stages(every: Sequence[Effects], stage: Sequence[int], figure: str) -> list[Effects]:
    """The effects with the intervals of this procedure on a figure."""
    return [
        replace(
            one,
            rows=[
                replace(row, sizes={**row.sizes, figure: found.interval(list(row.by_seed[figure]))})
                for row, found in zip(one.rows, _stages(one, stage, figure), strict=True)
            ],
        )
        for one in every
    ]


def _stages(effects: Effects, stage: Sequence[int], figure: str) -> list[Stage]:
    """What the seeds of the first stage say of each row."""
    places = [effects.seeds.index(seed) for seed in stage]
    return [stage_of(row.by_seed[figure][places]) for row in effects.rows]
