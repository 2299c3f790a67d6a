"""One run: what is simulated, from when to when, with which seed, and what is kept."""

from __future__ import annotations

from typing import Any

from pydantic import Field, PrivateAttr, model_validator

from sfmodel.clock import clock
from sfmodel.schema.base import Word
from sfmodel.schema.demand import Demand
from sfmodel.schema.interventions import Intervention
from sfmodel.schema.platform import Platform
from sfmodel.schema.quantities import MOST, Bytes, Clock, Count, Duration, LongCount
from sfmodel.schema.scenario import Scenario

MOST_WINDOWS = 10_000_000
"""Windows of a run, at most."""

SEEDS = 2**63
"""Seeds are below it."""

HOW_MANY = ("replications", "processes")
"""Keys that say how many runs are made."""

HOW_IT_IS_MADE = (*HOW_MANY, "forks", "worlds", "worlds_limit")
"""Keys that say how runs are made: none of them changes what is simulated."""


class Trace(Word):
    """A sample of requests recorded call by call."""

    one_in: Count = 10_000
    """One request in so many, by hash; 0: none."""
    limit: Count = 1_000_000
    """Most spans kept."""


class Run(Word):
    """Everything a run depends on."""

    name: str | None = None
    """Name of the run; none: platform, scenario and time."""
    platform: Platform
    """The platform."""
    demand: Demand = Demand()
    """Demand over the day."""
    scenario: Scenario = Scenario()
    """What goes wrong."""
    intervention: dict[str, Intervention] = {}
    """What is done about it: changes of the platform, by name."""
    switch_on: Clock | None = None
    """When the interventions are switched on; none: they are there from the beginning."""
    start: Clock = 0.0
    """First moment measured."""
    until: Clock = 3600.0
    """End of the run."""
    warmup: Duration = 0.0
    """Simulated before `start` and thrown away."""
    seed: LongCount = Field(1, lt=SEEDS)
    """Seed of all draws."""
    replications: Count = Field(1, ge=1, le=10_000)
    """Runs with this seed, the next, and so on, in parallel processes; figures then have confidence intervals."""
    processes: Count | None = Field(None, ge=1)
    """Replications at a time; none: as many as there are cores and memory for."""
    forks: list[Clock] = []
    """Times at which runs may part: the world of each, which they have in common, is simulated once and kept."""
    worlds: str = "worlds"
    """Folder of the worlds that are kept."""
    worlds_limit: Bytes | None = Field(None, ge=0)
    """What they may take; none: half of the disk's free room. Beyond it those go that were not used for the longest time."""
    tick: Duration | None = Field(None, gt=0)
    """How far apart the buckets are in which events to come wait: for speed only, results never depend on it; none: chosen
    by the load."""
    users: LongCount | None = Field(None, ge=1, le=MOST)
    """Replaces the platform's population."""
    items: LongCount | None = Field(None, ge=1, le=MOST)
    """Replaces the platform's number of items."""
    window: Duration = Field(10.0, gt=0)
    """Width of a window of the results."""
    trace: Trace = Trace()
    """Traces."""

    _written: dict[str, Any] = PrivateAttr(default_factory=dict)
    _before: dict[str, Any] = PrivateAttr(default_factory=dict)

    @property
    def written(self) -> dict[str, Any]:
        """The mapping this run was parsed from, as the user wrote it, but for how it is made, and for the platform's constants,
        which stand where they are used; empty: built in Python."""
        return self._written

    @property
    def before(self) -> dict[str, Any]:
        """The same without interventions: what it was before they were switched on."""
        return self._before

    def keep(self, written: dict[str, Any], before: dict[str, Any]) -> None:
        """Remember the mapping this run was parsed from, and the same without interventions."""
        self._written, self._before = _kept(written), _kept(before)

    @property
    def is_switched(self) -> bool:
        """Whether interventions are switched on after the run's beginning."""
        return bool(self.intervention) and self.switch_on is not None and self.switch_on > self.start - self.warmup

    @model_validator(mode="after")
    def _forwards(self) -> Run:
        if self.until < self.start:
            start, until = (clock(time_s, seconds=bool(time_s % 60)) for time_s in (self.start, self.until))
            raise ValueError(f"until: expected a time at or after start, {start}, found {until}")
        if (self.until - self.start) / self.window > MOST_WINDOWS:
            least = (self.until - self.start) / MOST_WINDOWS
            raise ValueError(
                f"window: expected at least {least:.3g} s for a run so long, {MOST_WINDOWS:,} windows at most"
            )
        return self

    @model_validator(mode="after")
    def _forks_at_edges(self) -> Run:
        for fork_s in self.forks:
            windows = (fork_s - self.start) / self.window
            if not self.start <= fork_s < self.until or abs(windows - round(windows)) > 1e-9:
                raise ValueError(
                    f"forks: expected times from start until the end of the run, where a window of {self.window:g} s begins, "
                    f"found {clock(fork_s, seconds=True)}"
                )
        return self

    @model_validator(mode="after")
    def _has_seeds(self) -> Run:
        if self.seed + self.replications > SEEDS:
            most = SEEDS - self.seed
            raise ValueError(f"replications: expected at most {most:,} with this seed, found {self.replications:,}")
        return self

    @property
    def seeds(self) -> range:
        """Seeds of all replications."""
        return range(self.seed, self.seed + self.replications)


def _kept(written: dict[str, Any]) -> dict[str, Any]:
    platform = {key: value for key, value in written["platform"].items() if key != "constants"}
    return {key: value for key, value in written.items() if key not in HOW_IT_IS_MADE} | {"platform": platform}
