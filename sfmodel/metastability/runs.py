"""The runs of a map, in processes of their own until its deadline: a pair for each load and seed, and the cells beside it.

All of a load, a seed and a set of interventions go on from one world, that of the trigger's beginning. Each run is kept under its
name, with a mark of its code and configuration; what is finished is not made again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sfmodel.diagnosis.variants import mark_of
from sfmodel.metastability.cells import Job
from sfmodel.metastability.design import MapDesign, with_events
from sfmodel.metastability.hysteresis import Way, ramp_events, ramp_until_s, way
from sfmodel.metastability.recovery import Answers, Outcome, State, answers, is_down, outcome
from sfmodel.replications.until import made_until
from sfmodel.results.folder import is_finished, open_run
from sfmodel.schema.quantities import to_clock_s

if TYPE_CHECKING:
    import xarray as xr

Configured = Callable[[str, float], dict[str, Any]]
"""Takes a set of interventions and a load; the configuration of a run."""


@dataclass(frozen=True)
class Pair:
    """The run of a load and a seed without the trigger."""

    change: str
    load: float
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.change},load={self.load:g},seed={self.seed},pair"


@dataclass(frozen=True)
class RampRun:
    """The run whose load goes up and down."""

    change: str
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.change},ramp,seed={self.seed}"


Wanted = Job | Pair | RampRun
Run = TypeVar("Run", Job, Pair, RampRun)


class MapRuns:
    """Makes the runs of a map and judges them.

    Parameters
    ----------
    design
        What is run.
    configured
        Configuration of a run.
    folder
        Where runs are kept.
    processes
        Runs at a time; none: as many as there are cores and memory for.
    deadline
        By the monotonic clock, s.
    """

    def __init__(
        self, design: MapDesign, configured: Configured, folder: Path, processes: int | None, deadline: float
    ) -> None:
        """Make nothing yet."""
        self._design, self._configured, self._folder = design, cache(configured), folder
        self._processes, self._deadline = processes, deadline
        self._pairs: dict[Pair, Answers] = {}
        self._failed_pairs: dict[Pair, str] = {}
        self._mappings: dict[Wanted, dict[str, Any]] = {}

    def time_is_up(self) -> bool:
        """Whether the deadline has passed."""
        return time.monotonic() >= self._deadline

    def outcomes(self, jobs: Sequence[Job]) -> Iterator[tuple[Wanted, Outcome | None, str | None]]:
        """Make cells, and first the pairs that they need; yield each as it ends, of a pair and of what failed no outcome.

        A pair that fails is not made again, and each of its cells fails for its reason.
        """
        pairs = dict.fromkeys(map(_pair_of, jobs))
        for pair, reason in self._made([pair for pair in pairs if pair not in self._pairs | self._failed_pairs]):
            if reason is None:
                self._pairs[pair] = answers(self._opened(pair), self._design.recovery)
            else:
                self._failed_pairs[pair] = reason
            yield pair, None, reason
        unpaired = ((job, self._failed_pairs.get(_pair_of(job))) for job in jobs)
        yield from ((job, None, reason) for job, reason in unpaired if reason is not None)
        ready = [job for job in jobs if _pair_of(job) in self._pairs]
        down = {job for job in ready if self._is_down(_pair_of(job))}
        yield from ((job, Outcome(State.DOWN_BY_ITSELF), None) for job in ready if job in down)
        for job, reason in self._made([job for job in ready if job not in down]):
            yield job, None if reason else self._judged(job), reason

    def ways(self, ramps: Sequence[RampRun]) -> Iterator[tuple[RampRun, Way | None, str | None]]:
        """Make the runs whose load goes up and down, and yield each as it ends."""
        for ramp, reason in self._made(ramps):
            at_s = self._at_s(self.mapping(ramp))
            yield ramp, None if reason else way(self._opened(ramp), self._design, at_s), reason

    def _is_down(self, pair: Pair) -> bool:
        at_s = self._at_s(self.mapping(pair))
        return is_down(self._pairs[pair], at_s, self._design.recovery)

    def _judged(self, job: Job) -> Outcome:
        rule, at_s = self._design.recovery, self._at_s(self.mapping(job))
        pair, run = self._pairs[_pair_of(job)], answers(self._opened(job), rule)
        return outcome(run, pair, at_s, at_s + job.cell.duration_s, rule)

    def _opened(self, wanted: Wanted) -> xr.Dataset:
        return open_run(self._folder / str(self.mapping(wanted)["name"]))

    def _made(self, wanted: Sequence[Run]) -> Iterator[tuple[Run, str | None]]:
        """Yield each run that is there, or has ended, with the reason if it failed, until time is up."""
        waiting: dict[int, Run] = {}
        for one in wanted:
            if is_finished(self._folder / str(self.mapping(one)["name"])):
                yield one, None
            else:
                waiting[len(waiting)] = one
        if not waiting or self.time_is_up():
            return
        mappings = {k: self.mapping(one) for k, one in waiting.items()}
        say = partial(print, flush=True)
        for k, reason in made_until(mappings, self._folder, self._processes, self._deadline, say):
            yield waiting[k], reason

    def mapping(self, wanted: Wanted) -> dict[str, Any]:
        """Configuration of a run."""
        if wanted not in self._mappings:
            self._mappings[wanted] = self._written(wanted)
        return self._mappings[wanted]

    def _written(self, wanted: Wanted) -> dict[str, Any]:
        """Configuration of a run, with the mark in its name."""
        design = self._design
        mapping = dict(self._configured(wanted.change, self._load(wanted)))
        at_s = self._at_s(mapping)
        longest_s = max(design.trigger.durations)
        mapping |= {"seed": wanted.seed, "replications": 1, "trace": {"one_in": 0}, "forks": [f"{at_s} s"]}
        if isinstance(wanted, Pair):
            mapping["until"] = f"{at_s + longest_s + design.horizon} s"
        elif isinstance(wanted, RampRun):
            mapping = with_events(mapping, "Load up and down", ramp_events(design, at_s))
            mapping["until"] = f"{ramp_until_s(design, at_s)} s"
        else:
            event = design.trigger.event(wanted.cell.size, wanted.cell.duration_s, at_s)
            mapping = with_events(mapping, design.trigger.title, [event])
            mapping["until"] = f"{_whole(at_s + wanted.cell.duration_s + design.horizon, mapping)} s"
        return {**mapping, "name": f"{wanted.name}-{mark_of(mapping)}"}

    def _load(self, wanted: Wanted) -> float:
        if isinstance(wanted, RampRun):
            assert self._design.ramp is not None
            return self._design.ramp.levels[0]
        return wanted.cell.load if isinstance(wanted, Job) else wanted.load

    def _at_s(self, mapping: Mapping[str, Any]) -> float:
        """When the trigger begins, s since midnight: at the edge of a window that is compared."""
        wide = self._design.recovery.window
        return math.ceil((to_clock_s(mapping["start"]) + self._design.before) / wide - 1e-9) * wide


def _pair_of(job: Job) -> Pair:
    return Pair(job.change, job.cell.load, job.seed)


def _whole(time_s: float, mapping: Mapping[str, Any]) -> float:
    """The end of the window in which a time lies."""
    from sfmodel.schema.quantities import to_duration_s

    start_s, width_s = to_clock_s(mapping["start"]), to_duration_s(mapping.get("window") or "10 s")
    return start_s + math.ceil((time_s - start_s) / width_s - 1e-9) * width_s
