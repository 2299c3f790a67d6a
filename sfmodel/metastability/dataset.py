"""A map as one xarray dataset, in Zarr: what became of each run, and what that says of each cell and each load."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sfmodel.metastability.cells import Cell, Job
from sfmodel.metastability.design import MapDesign
from sfmodel.metastability.hysteresis import Way
from sfmodel.metastability.loads import state_of_load
from sfmodel.metastability.recovery import Outcome, State
from sfmodel.results.disk import disk_errors
from sfmodel.results.recorder import quiet
from sfmodel.results.survival import median_s, probability

if TYPE_CHECKING:
    import xarray as xr

FILE = "map.zarr"

MEANINGS = {
    State.NOT_RUN: "not_run", State.RECOVERED: "recovered", State.NOT_RECOVERED: "not_recovered_within_the_horizon",
    State.DOWN_BY_ITSELF: "down_without_a_trigger",
}  # fmt: skip


@dataclass
class Known:
    """What has been seen of a map."""

    changes: list[str]
    """Sets of interventions, as labels."""
    outcomes: dict[str, dict[Cell, dict[int, Outcome]]] = field(default_factory=dict)
    """Set → cell → seed → outcome."""
    ways: dict[tuple[str, int], Way] = field(default_factory=dict)
    """(set, seed) → load up and down."""

    def tell(self, job: Job, found: Outcome) -> None:
        """Take in what became of a run."""
        self.of(job.change).setdefault(job.cell, {})[job.seed] = found

    def of(self, change: str) -> dict[Cell, dict[int, Outcome]]:
        """What is known of a set of interventions."""
        return self.outcomes.setdefault(change, {})

    def runs(self) -> int:
        """How many runs have been judged."""
        return sum(len(found) for cells in self.outcomes.values() for found in cells.values())


def map_dataset(known: Known, design: MapDesign, title: str = "") -> xr.Dataset:
    """Put together what is known: dimensions change, load, size, duration, seed."""
    import xarray as xr

    cells = sorted({cell for found in known.outcomes.values() for cell in found})
    seeds = sorted({seed for found in known.outcomes.values() for by_seed in found.values() for seed in by_seed} or {1})
    axes = {
        "load": sorted({cell.load for cell in cells}), "size": sorted({cell.size for cell in cells}),
        "duration": sorted({cell.duration_s for cell in cells}),
    }  # fmt: skip
    dims = ("change", *axes)
    shape = (len(known.changes), *map(len, axes.values()))
    state = np.zeros((*shape, len(seeds)), np.int8)
    seconds = np.full((*shape, len(seeds)), np.nan)
    of_cells = {name: np.full(shape, np.nan) for name in ("probability", "low", "high", "median_time")}
    for c, change in enumerate(known.changes):
        for cell, found in known.of(change).items():
            place = (
                c,
                axes["load"].index(cell.load),
                axes["size"].index(cell.size),
                axes["duration"].index(cell.duration_s),
            )
            for seed, one in found.items():
                state[(*place, seeds.index(seed))], seconds[(*place, seeds.index(seed))] = one.state, one.seconds
            for name, value in zip(of_cells, chances(found, design.horizon), strict=True):
                of_cells[name][place] = value
    flags = {"flag_values": [int(one) for one in State], "flag_meanings": " ".join(MEANINGS[one] for one in State)}
    per_run = (*dims, "seed")
    recovered = np.where((state == State.RECOVERED) | (state == State.NOT_RECOVERED), state == State.RECOVERED, np.nan)
    said = {
        "probability": ("1", "Share of the runs that recovered"),
        "low": ("1", "Lower end of its 95 % interval, Clopper and Pearson"), "high": ("1", "Upper end of it"),
        "median_time": ("s", "Median time to recover, Kaplan and Meier; inf: not within the horizon"),
    }  # fmt: skip
    states = [[state_of_load(known.of(change), load, design) for load in axes["load"]] for change in known.changes]
    variables = {
        "state": (per_run, state, {"long_name": "What became of the run", "units": "1", **flags}),
        "recovered": (per_run, recovered, {"long_name": "Whether it recovered; NaN: not run, or down by itself", "units": "1"}),
        "time_to_recover": (per_run, seconds, {"long_name": "From the trigger's end until it is back", "units": "s"}),
        **{name: (dims, of_cells[name], {"units": said[name][0], "long_name": said[name][1]}) for name in of_cells},
        "load_state": (
            ("change", "load"), np.array(states, dtype="U10").reshape(shape[:2]),
            {"long_name": "Stable, vulnerable, overloaded or not known", "units": "1"},
        ),
        **_of_ways(known),
    }  # fmt: skip
    coords = {
        "change": known.changes, "load": axes["load"], "size": axes["size"],
        "duration": ("duration", axes["duration"], {"units": "s"}), "seed": seeds,
    }  # fmt: skip
    attributes = {
        "title": title, "trigger": design.trigger.title, "load_key": design.load.key, "horizon_s": design.horizon,
        "design": design.model_dump_json(),
    }  # fmt: skip
    return xr.Dataset(variables, coords, attributes)


def chances(found: Mapping[int, Outcome], horizon_s: float) -> tuple[float, float, float, float]:
    """Probability of recovery, the ends of its interval, median time, of the runs of a cell that are not down by themselves."""
    times = [one.seconds for one in found.values() if one.state == State.RECOVERED]
    lost = sum(one.state == State.NOT_RECOVERED for one in found.values())
    return *probability(len(times), len(times) + lost), median_s(times, [horizon_s] * lost)


def _of_ways(known: Known) -> dict[str, tuple[tuple[str, ...], np.ndarray, dict[str, str]]]:
    if not known.ways:
        return {}
    seeds = max(seed for _, seed in known.ways)
    levels = next(iter(known.ways.values())).levels
    answered = np.full((len(known.changes), seeds, len(levels)), np.nan)
    turns = np.full((2, len(known.changes), seeds), np.nan)
    for (change, seed), one in known.ways.items():
        c = known.changes.index(change)
        answered[c, seed - 1] = one.answered
        turns[:, c, seed - 1] = one.breaks_at, one.returns_at
    dims = ("change", "ramp_seed")
    return {
        "ramp_load": (("step",), np.array(levels), {"long_name": "Load, up and down again", "units": "1"}),
        "ramp_answered": ((*dims, "step"), answered, {"long_name": "Share that is answered", "units": "1"}),
        "breaks_at": (dims, turns[0], {"long_name": "First load on the way up that is down; inf: none", "units": "1"}),
        "returns_at": (dims, turns[1], {"long_name": "First load on the way down that is up; 0: none", "units": "1"}),
    }


def write_map(ds: xr.Dataset, folder: Path) -> Path:
    """Write a map into a folder, in the place of what was there."""
    path = folder / FILE
    part = path.with_name(f"{FILE}.part")
    with disk_errors(path):
        shutil.rmtree(part, ignore_errors=True)
        with quiet():
            ds.to_zarr(part, mode="w", consolidated=False)
        shutil.rmtree(path, ignore_errors=True)
        part.rename(path)
    return path
