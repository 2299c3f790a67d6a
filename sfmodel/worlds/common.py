"""The last world that a run has in common with others, made where it is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from sfmodel.engine import Observer, Simulation, begun, planned, simulate
from sfmodel.schema.run import Run
from sfmodel.schema.scenario_segments import segments
from sfmodel.worlds.kept import Keeper, KeptWorld, restore
from sfmodel.worlds.keys import key_of
from sfmodel.worlds.room import Say, in_use, make_room, to_make, used_now

Make = Callable[[Simulation, Observer, float], None]
"""Simulates, with an observer of its windows, until a time, s since midnight."""


def common_world(
    run: Run,
    times_s: Sequence[float],
    folder: Path,
    make: Make | None = None,
    say: Say | None = None,
) -> KeptWorld | None:
    """Return the last of the worlds of a run at these times, after having made those that are missing.

    Of several processes that want the same world one makes it, and the others wait for it. None of the worlds is removed while
    what is returned lives; those that nobody holds are, the longest unused first, where there is no room for another.

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
        Told that another process makes one, and that it is waited for; that others were removed.

    Raises
    ------
    RunError
        The folder cannot be written; not enough memory.
    """
    found: KeptWorld | None = None
    for time_s in sorted(time_s for time_s in times_s if run.start <= time_s < run.until):
        key = key_of(run, time_s, None if found is None else found.time_s)
        found = _held(run, KeptWorld(folder / key, time_s, found), make or _silently, say)
    return found


def _held(run: Run, wanted: KeptWorld, make: Make, say: Say | None) -> KeptWorld:
    """The world, made where it is missing, and not to be removed while it is held."""
    has_said = False
    while True:
        if not wanted.is_there:
            own = to_make(wanted.folder)
            if own is not None:
                with own:
                    if not wanted.is_there:
                        _make(run, wanted, make, say)
            elif say is not None and not has_said:
                say(f"another run makes the world in {wanted.folder}; waiting for it")
                has_said = True
        lock = in_use(wanted.folder)  # whoever made it may use it already
        if wanted.is_there:  # still
            used_now(wanted.folder)
            return replace(wanted, lock=lock)
        lock.close()


def _silently(simulation: Simulation, observe: Observer, until_s: float) -> None:
    simulate(simulation, observe, until_s=until_s)


def _make(run: Run, wanted: KeptWorld, make: Make, say: Say | None) -> None:
    """Simulate what comes before a world's time and keep it, without what comes later."""
    before = [found for k, found in enumerate(segments(run)) if k == 0 or found[0] < wanted.time_s]
    plan = planned(run, before)
    simulation = begun(run, plan) if wanted.before is None else restore(run, plan, wanted.before)
    simulation.recorded = ()  # those of a world before are kept with it
    with Keeper(wanted, simulation) as keeper:
        make(simulation, keeper.record, wanted.time_s)
        make_room(wanted.folder.parent, keeper.size, run.worlds_limit, say)
        keeper.keep()
