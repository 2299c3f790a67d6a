"""The last world that a run has in common with others, made where it is missing."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sfmodel.engine import Simulation, simulate
from sfmodel.plan import build_plan
from sfmodel.results.disk import disk_errors
from sfmodel.schema.run import Run
from sfmodel.schema.scenario_segments import segments
from sfmodel.world import World, check_memory
from sfmodel.worlds.kept import Keeper, KeptWorld, restore
from sfmodel.worlds.keys import key_of


def common_world(run: Run, times_s: Sequence[float], folder: Path) -> KeptWorld | None:
    """Return the last of the worlds of a run at these times, after having made those that are missing.

    Of several processes that want the same world one makes it, and the others wait for it.

    Parameters
    ----------
    run
        Validated, its references checked.
    times_s
        When the run may part from others, s since midnight: edges of its windows, or its start.
    folder
        Where worlds are kept.

    Raises
    ------
    RunError
        The folder cannot be written; not enough memory.
    """
    found: KeptWorld | None = None
    for time_s in sorted(time_s for time_s in times_s if run.start <= time_s < run.until):
        wanted = KeptWorld(folder / key_of(run, time_s), time_s, found)
        if not wanted.is_there:
            with _alone(wanted.folder):
                if not wanted.is_there:
                    _make(run, wanted)
        found = wanted
    return found


def _make(run: Run, wanted: KeptWorld) -> None:
    """Simulate what comes before a world's time and keep it, without what comes later."""
    before = [found for k, found in enumerate(segments(run)) if k == 0 or found[0] < wanted.time_s]
    plan = build_plan(run, before)
    if wanted.before is not None:
        simulation = restore(run, plan, wanted.before)
        simulation.recorded = ()  # its windows are kept with it
    else:
        check_memory(plan)
        simulation = Simulation(run, plan, World(plan, run.seed, run.trace.one_in, run.trace.limit))
    with Keeper(wanted, simulation) as keeper:
        simulate(simulation, keeper.record, until_s=wanted.time_s)
        keeper.keep()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process makes this; a process that dies gives way."""
    with disk_errors(path.parent, "another folder for worlds"):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("w", encoding="utf-8")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
