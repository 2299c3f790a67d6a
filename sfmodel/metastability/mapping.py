"""From nothing known to a map: rounds of runs, coarse first, until time is up or its edges are as sharp as asked for.

A run that fails is tried once, and says nothing of its cell; the rest of the map is made without it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sfmodel.metastability.cells import Job, next_cells
from sfmodel.metastability.dataset import Known
from sfmodel.metastability.design import MapDesign
from sfmodel.metastability.runs import MapRuns, RampRun, Wanted


def map_until(
    design: MapDesign, known: Known, runs: MapRuns, told: Callable[[Wanted, str | None], None], seeds: int, depth: int
) -> Mapping[Wanted, str]:
    """Run rounds; return what failed.

    Parameters
    ----------
    design
        What is run.
    known
        Takes in what runs show.
    runs
        Makes them.
    told
        Called after each run.
    seeds
        Of cells at an edge, and of load that goes up and down.
    depth
        How many times the distance of neighbours of different states is halved.
    """
    failed: dict[Wanted, str] = {}
    while not runs.time_is_up():
        before = known.runs() + len(failed)
        for one, found, reason in runs.outcomes(_jobs(design, known, failed, seeds, depth)):
            if reason is not None:
                failed[one] = reason
            if found is not None and isinstance(one, Job):
                known.tell(one, found)
            told(one, reason)
        if design.ramp and not runs.time_is_up():
            _ramps(known, runs, told, failed, seeds)
        if known.runs() + len(failed) == before:
            break
    return failed


def _jobs(design: MapDesign, known: Known, failed: Mapping[Wanted, str], seeds: int, depth: int) -> list[Job]:
    lost = {
        change: {(one.cell, one.seed) for one in failed if isinstance(one, Job) and one.change == change}
        for change in known.changes
    }
    return [
        Job(change, cell, seed)
        for change in known.changes
        for cell, seed in next_cells(design, known.of(change), lost[change], seeds, depth)
    ]


def _ramps(
    known: Known, runs: MapRuns, told: Callable[[Wanted, str | None], None], failed: dict[Wanted, str], seeds: int
) -> None:
    every = (RampRun(change, seed) for seed in range(1, seeds + 1) for change in known.changes)
    wanted = [ramp for ramp in every if ramp not in failed and (ramp.change, ramp.seed) not in known.ways]
    for ramp, found, reason in runs.ways(wanted):
        if reason is not None:
            failed[ramp] = reason
        if found is not None:
            known.ways[ramp.change, ramp.seed] = found
        told(ramp, reason)
