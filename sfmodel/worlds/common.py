"""The last world that a run has in common with others, made where it is missing."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sfmodel.engine import Observer, Simulation, begun, planned, simulate
from sfmodel.results.disk import disk_errors
from sfmodel.schema.run import Run
from sfmodel.schema.scenario_segments import segments
from sfmodel.worlds.kept import Keeper, KeptWorld, restore
from sfmodel.worlds.keys import key_of

Make = Callable[[Simulation, Observer, float], None]
"""Simulates, with an observer of its windows, until a time, s since midnight."""


def common_world(
    run: Run,
    times_s: Sequence[float],
    folder: Path,
    make: Make | None = None,
    say: Callable[[str], object] | None = None,
) -> KeptWorld | None:
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
    make
        How a missing one is simulated; none: without a word.
    say
        Told that another process makes one, and that it is waited for.

    Raises
    ------
    RunError
        The folder cannot be written; not enough memory.
    """
    found: KeptWorld | None = None
    for time_s in sorted(time_s for time_s in times_s if run.start <= time_s < run.until):
        wanted = KeptWorld(folder / key_of(run, time_s), time_s, found)
        if not wanted.is_there:
            with _alone(wanted.folder, say):
                if not wanted.is_there:
                    _make(run, wanted, make or _silently)
        found = wanted
    return found


def _silently(simulation: Simulation, observe: Observer, until_s: float) -> None:
    simulate(simulation, observe, until_s=until_s)


def _make(run: Run, wanted: KeptWorld, make: Make) -> None:
    """Simulate what comes before a world's time and keep it, without what comes later."""
    before = [found for k, found in enumerate(segments(run)) if k == 0 or found[0] < wanted.time_s]
    plan = planned(run, before)
    simulation = begun(run, plan) if wanted.before is None else restore(run, plan, wanted.before)
    simulation.recorded = ()  # those of a world before are kept with it
    with Keeper(wanted, simulation) as keeper:
        make(simulation, keeper.record, wanted.time_s)
        keeper.keep()


@contextmanager
def _alone(path: Path, say: Callable[[str], object] | None) -> Iterator[None]:
    """Wait until no other process makes this; a process that dies gives way."""
    with disk_errors(path.parent, "another folder for worlds"):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(path.name + ".lock").open("w", encoding="utf-8")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if say is not None:
                say(f"another run makes the world in {path}; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
