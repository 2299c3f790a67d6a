"""Runs that are made in processes of their own until a deadline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any


def made_until(
    mappings: Mapping[int, Mapping[str, Any]], folder: Path, processes: int | None, deadline: float,
    say: Callable[[str], object], reports: Mapping[int, Callable[[float, str], None]] | None = None,
) -> Iterator[tuple[int, str | None]]:  # fmt: skip
    """Make runs, and yield the number of each that has ended, with the reason if it failed.

    Parameters
    ----------
    mappings
        Configuration of each, with its name, by a number of one's own; at least one. Memory is judged by the first.
    folder
        Where they go.
    processes
        Runs at a time; none: as many as there are cores and memory for.
    deadline
        By the monotonic clock, s; what is under way then is stopped. Infinite: all are made.
    say
        Told what the user should know.
    reports
        Of each, told the share that is done and a line on its state; none: nobody is.
    """
    from sfkernels.jit import is_compiled
    from sfmodel.replications.processes import Processes, how_many
    from sfmodel.running import checked, planned
    from sfmodel.world import World

    plan = planned(checked(next(iter(mappings.values()))))
    if not is_compiled():
        say("compiling the kernels, once for this version: about a minute")
        World(plan, 1).compile()
    reports = reports or {k: lambda share, state: None for k in mappings}
    with Processes(how_many(processes, len(mappings), plan), lambda line, of: None) as pool:
        yield from pool.make(mappings, folder, reports, deadline)
