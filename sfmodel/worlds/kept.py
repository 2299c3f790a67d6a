"""A world on disk: an array a file.

Read, not mapped: pages of a file are small, and users are asked for at random, so that a mapped world takes twice the time of
one in memory, whose pages are huge.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sfkernels import records
from sfmodel.engine import Simulation, Values
from sfmodel.errors import RunError
from sfmodel.plan import Plan
from sfmodel.plan.stretch import Stretch
from sfmodel.results.disk import disk_errors
from sfmodel.results.recorder import Recorder, open_store
from sfmodel.schema.run import Run
from sfmodel.world import World, aligned_zeros, rows_of
from sfmodel.worlds.room import FACTS, PARTIAL, Lock, take_away

_WINDOWS = "windows.zarr"
_LEFT_OUT = ("knots", "user_rows_float", "item_rows_float")


@dataclass(frozen=True)
class KeptWorld:
    """A world at a time, with the windows that were recorded since the one before it."""

    folder: Path
    time_s: float
    """Its time, s since midnight."""
    before: KeptWorld | None
    """The world that it went on from."""
    lock: Lock | None = field(default=None, compare=False, repr=False)
    """Held as long as this lives, so that the world is not removed."""

    @property
    def is_there(self) -> bool:
        """Whether it has been written."""
        return (self.folder / FACTS).exists()

    def windows(self, plan: Plan) -> Iterator[tuple[Values, Stretch]]:
        """Values of each window before its time, from the run's first on, and the stretch by which they are labelled."""
        if self.before is not None:
            yield from self.before.windows(plan)
        stretch = _last_before(plan, self.time_s)
        if not (self.folder / _WINDOWS).exists():
            return
        ds = open_store(self.folder / _WINDOWS)
        for first in range(0, ds.sizes["time"], _AT_ONCE):
            part = ds.isel(time=slice(first, first + _AT_ONCE)).load()
            values = {
                str(name): variable.values for name, variable in part.data_vars.items() if "time" in variable.dims
            }
            for k in range(part.sizes["time"]):
                yield {name: found[k] for name, found in values.items()}, stretch


_AT_ONCE = 60
"""Windows that are read at once: a chunk of the histograms."""


class Keeper:
    """Writes a world into a folder that appears when everything is in it; use as a context manager.

    Parameters
    ----------
    world
        Where it is to be.
    simulation
        The simulation that is brought to its time.
    """

    def __init__(self, world: KeptWorld, simulation: Simulation) -> None:
        """Make the folder, and room for the windows on the way."""
        self._world, self._simulation = world, simulation
        self._partial = world.folder.with_name(world.folder.name + PARTIAL)
        run, begin = simulation.run, simulation.windows
        self._count = max(0, round((world.time_s - run.start) / run.window) - begin)
        with disk_errors(world.folder.parent, "another folder for worlds"):
            shutil.rmtree(self._partial, ignore_errors=True)
            self._partial.mkdir(parents=True)
        self._recorder: Recorder | None = None
        if self._count:
            counters = run.platform.declared_counters
            start_s, store = run.start + run.window * begin, self._partial / _WINDOWS
            self._recorder = Recorder(simulation.plan.labels, start_s, run.window, self._count, counters, store)
            self._first = begin

    def __enter__(self) -> Keeper:
        """Return the keeper itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Leave nothing behind of a world that was not finished."""
        shutil.rmtree(self._partial, ignore_errors=True)

    def record(self, k: int, end_s: float, values: Mapping[str, NDArray]) -> None:
        """Take the values of a window on the way."""
        assert self._recorder is not None
        self._recorder.record(k - self._first, values)

    @property
    def size(self) -> int:
        """Bytes of the world as it is now, without its windows."""
        return sum(array.nbytes for array in _arrays_of(self._simulation.world).values())

    def keep(self) -> None:
        """Write the world as it is now; its lock is held alone."""
        if self._recorder is not None:
            self._recorder.finish({})
        world, stretch = self._simulation.world, self._simulation.world.stretch
        with disk_errors(self._world.folder.parent, "another folder for worlds"):
            arrays = _arrays_of(world)
            for name, array in arrays.items():
                np.save(self._partial / f"{name}.npy", array)
            facts = {"sources": stretch.index.sources, "windows": self._simulation.windows, "arrays": list(arrays)}
            (self._partial / FACTS).write_text(json.dumps(facts), encoding="utf-8")
            take_away(self._world.folder)  # without its facts it is none, but would be in the way
            os.replace(self._partial, self._world.folder)


def _arrays_of(world: World) -> dict[str, NDArray]:
    """Arrays of a world that are no views of others; of the spans those that are written."""
    arrays = {name: array for name, array in world.arrays.items() if name not in _LEFT_OUT}
    arrays["spans"] = arrays["spans"][: int(arrays["clock"]["span_count"][0])]
    return arrays


def restore(run: Run, plan: Plan, kept: KeptWorld) -> Simulation:
    """Go on with a run from a world that it has in common with others.

    Parameters
    ----------
    run
        Validated.
    plan
        Its plan.
    kept
        A world with the run's key at its time.

    Raises
    ------
    RunError
        It is damaged.
    """
    facts, arrays = _read_all(kept.folder, rows_of(plan))
    stretch = _last_before(plan, kept.time_s)
    world = World.restored(
        plan, run.seed, stretch, arrays, facts["sources"], run.trace.limit if run.trace.one_in else 0
    )
    return Simulation(run, plan, world, windows=facts["windows"], restored_s=kept.time_s, recorded=kept.windows(plan))


def _last_before(plan: Plan, time_s: float) -> Stretch:
    """The stretch that acts just before a time."""
    return [found for k, found in enumerate(plan.stretches) if k == 0 or found.time_s < time_s][-1]


def _read_all(folder: Path, rows: Mapping[str, tuple[int, int]]) -> tuple[Mapping[str, Any], dict[str, NDArray]]:
    """What is said of a world, and its arrays by name; those of rows have these shapes."""
    path = folder / FACTS
    try:
        facts: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        arrays = {}
        for name in facts["arrays"]:
            path = folder / f"{name}.npy"
            arrays[name] = _read_rows(path, rows[name]) if name in rows else _read(path)
    except (OSError, ValueError, KeyError, EOFError):
        raise RunError(f"{path} is damaged; remove {folder}, and the world is made again") from None
    return facts, arrays


def _read(path: Path) -> NDArray:
    found: NDArray = np.load(path)
    return found.view(_ALIGNED[found.dtype.names]) if found.dtype.names else found


def _read_rows(path: Path, shape: tuple[int, int]) -> NDArray:
    """Rows with room for so many columns, read part by part, so that narrow and wide ones are never there at once."""
    there, rows = np.load(path, mmap_mode="r"), aligned_zeros(shape)
    count, columns = there.shape
    if count != shape[0]:  # the plan is the first to have some
        return rows
    with path.open("rb") as file:
        file.seek(there.offset)
        for first in range(0, count, _ROWS_AT_ONCE):
            part = np.fromfile(file, there.dtype, min(_ROWS_AT_ONCE, count - first) * columns)
            rows[first : first + _ROWS_AT_ONCE, :columns] = part.reshape(-1, columns)
    return rows


_ROWS_AT_ONCE = 1 << 20

_ALIGNED = {dtype.names: dtype for dtype in vars(records).values() if isinstance(dtype, np.dtype)}
"""Records by their fields: a file does not say that they are aligned, and kernels would be compiled for others."""
