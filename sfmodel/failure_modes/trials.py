"""Triggers tried: for each trigger and seed one run, beside the run of the same seed without it, from a world in common."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sfmodel.alerts.objectives import Objective
from sfmodel.clock import clock
from sfmodel.errors import ConfigError, RunError
from sfmodel.failure_modes.harm import Goodput, Harm, by_chance, goodput, harm
from sfmodel.failure_modes.triggers import Trigger
from sfmodel.sweeps.points import shortened

if TYPE_CHECKING:
    import xarray as xr

BEFORE_S = 600.0
"""From the beginning of a run to the trigger: by it diagnosis knows what is usual."""

Made = Mapping[str, "xr.Dataset | str"]
"""Datasets of runs by name; of those that failed the reason; those that there was no time for are missing."""

Make = Callable[[Mapping[str, Mapping[str, Any]]], Made]
"""Makes runs of these configurations, by name."""


class TimeIsUpError(RunError):
    """A run that is wanted was not made in time."""


@dataclass(frozen=True)
class Setting:
    """What is tried to break, and when."""

    config: Mapping[str, Any]
    """The composed configuration, without a scenario."""
    objective: Objective
    """What is promised."""
    at_s: float
    """When triggers begin, s since midnight."""
    until_s: float
    """When runs end."""
    seeds: tuple[int, ...]
    """Those that triggers are looked for on."""
    held_out: tuple[int, ...] = ()
    """Those on which only what was found is tried."""

    @property
    def longest_s(self) -> float:
        """Longest duration of a fault: half of the time that is judged."""
        return (self.until_s - self.at_s) / 2

    @property
    def patience_s(self) -> float:
        """From the end of a trigger to when it should be over: a quarter of the time that is judged."""
        return (self.until_s - self.at_s) / 4

    @property
    def at(self) -> str:
        """When triggers begin, as it is written."""
        return clock(self.at_s) if self.at_s % 60 == 0 else f"{self.at_s:g} s"

    def mapping(self, trigger: Trigger | None, seed: int) -> dict[str, Any]:
        """Configuration of a run with a trigger, or without one."""
        config = copy.deepcopy(dict(self.config))
        if trigger is not None:
            config["scenario"] = self.scenario(trigger)
            platform = config["platform"]
            config["platform"] = {
                **platform,
                "sources": {**(platform.get("sources") or {}), **trigger.sources(self.at)},
            }
        return {
            **config, "seed": seed, "replications": 1, "trace": {"one_in": 0}, "forks": [f"{self.at_s} s"],
            "until": f"{self.until_s} s",
        }  # fmt: skip

    def scenario(self, trigger: Trigger) -> dict[str, Any]:
        """The scenario of a trigger."""
        return {"title": f"{trigger}, {self.at}", "events": trigger.events(self.at)}


def setting_of(
    config: Mapping[str, Any],
    objective: Objective,
    seeds: Sequence[int],
    at_s: float | None,
    horizon_s: float,
    held_out: Sequence[int] = (),
) -> Setting:
    """When triggers begin and runs end, by what was asked for.

    Parameters
    ----------
    config
        The composed configuration.
    objective
        What is promised.
    seeds
        Two at least.
    at_s
        When triggers begin; none: half an hour into the peak hours if the run has them, else ten minutes after its start.
    horizon_s
        From then on to the end.
    held_out
        Further seeds, on which only what was found is tried.

    Raises
    ------
    ConfigError
        The run has a scenario already; the time lies before its start, or after its end.
    """
    from sfmodel.running import checked

    run = checked(config)
    if run.scenario.events:
        raise ConfigError("the run has a scenario already, and triggers are looked for without one; leave it out")
    if at_s is None:
        peak = run.demand.peak_hours
        in_peak_s = peak[0] + 3 * BEFORE_S if peak else -math.inf
        at_s = in_peak_s if run.start < in_peak_s < run.until else run.start + BEFORE_S
    before = math.floor(min(BEFORE_S, at_s - run.start) / run.window + 1e-9)
    if before < 1:
        raise ConfigError(
            f"--at: expected a time at least a window of {run.window:g} s after the run's start, {clock(run.start)}, "
            f"found {clock(at_s)}"
        )
    if at_s >= run.until:
        raise ConfigError(f"--at: expected a time before the run's end, {clock(run.until)}, found {clock(at_s)}")
    windows = math.ceil(horizon_s / run.window - 1e-9)
    start = f"{at_s - before * run.window} s"
    until_s = at_s + windows * run.window
    return Setting({**config, "start": start}, objective, at_s, until_s, tuple(seeds), tuple(held_out))


@dataclass
class Trials:
    """What triggers do, each tried once a seed.

    Parameters
    ----------
    setting
        What is tried to break.
    make
        Makes runs.
    """

    setting: Setting
    make: Make
    chance: float = 0.0
    """How much of an excess may be chance."""
    unjudged: dict[str, str] = field(default_factory=dict)
    """Why trials could not be judged, by the names of their runs."""
    _seen: dict[tuple[Trigger, int], Harm | None] = field(default_factory=dict)
    _paired: dict[int, Goodput | str] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """So many runs with a trigger have been judged."""
        return sum(one is not None for one in self._seen.values())

    @property
    def limit(self) -> float:
        """Excess that breaks the objective: it uses up the whole budget by itself, and is more than chance."""
        return self.setting.objective.budget + self.chance

    def learn_chance(self, placebos: Iterable[Sequence[Trigger]]) -> None:
        """See what triggers do that are too small to do anything: those of the first place at which they move something."""
        for triggers in placebos:
            harms = [one for found in self.harms(triggers, self.setting.seeds) for one in found if one is not None]
            self.chance = by_chance([one.excess for one in harms])
            if self.chance or not any(one.usual for one in harms):  # where nothing is ever bad, nothing can move
                return

    def harms(self, triggers: Sequence[Trigger], seeds: Sequence[int] = ()) -> list[list[Harm | None]]:
        """What each trigger does on each seed (the first unless said); none where that cannot be judged.

        Raises
        ------
        TimeIsUpError
            There was no time for a run; those that were made are remembered.
        """
        seeds = seeds or self.setting.seeds[:1]
        wanted = [(trigger, seed) for trigger in triggers for seed in seeds]
        self._try([key for key in dict.fromkeys(wanted) if key not in self._seen])
        return [[self._seen[trigger, seed] for seed in seeds] for trigger in triggers]

    def breaks(self, found: Iterable[Harm | None]) -> bool | None:
        """Whether a trigger breaks the objective on every seed; none: it does where it can be judged, which is not everywhere."""
        verdicts = [None if one is None else one.excess > self.limit for one in found]
        return False if False in verdicts else None if None in verdicts else True

    def breaks_always(self, triggers: Sequence[Trigger]) -> list[bool | None]:
        """Whether each breaks the objective on all seeds; none: on some that cannot be judged, on the rest it does."""
        return [self.breaks(found) for found in self.harms(triggers, self.setting.seeds)]

    def on_held_out(self, trigger: Trigger) -> list[Harm | None]:
        """What a trigger does on the seeds that are held out; none where that cannot be judged."""
        return self.harms([trigger], self.setting.held_out)[0] if self.setting.held_out else []

    def run(self, trigger: Trigger, seed: int) -> xr.Dataset:
        """The dataset of a run."""
        name = name_of(trigger, seed)
        return _dataset(self.make({name: self.setting.mapping(trigger, seed)}), name)

    def _try(self, keys: Sequence[tuple[Trigger, int]]) -> None:
        if not keys:
            return
        pairs = {seed: self._pair(seed) for seed in dict.fromkeys(seed for _, seed in keys)}
        names = {key: name_of(*key) for key in keys}
        made = self.make({name: self.setting.mapping(*key) for key, name in names.items()})
        at_s, patience_s, objective = self.setting.at_s, self.setting.patience_s, self.setting.objective
        for (trigger, seed), name in names.items():
            one = made.get(name)
            if one is None:
                continue
            after_s = at_s + trigger.seconds + patience_s
            pair = pairs[seed]
            seen = None
            if not isinstance(one, str) and not isinstance(pair, str):
                seen = harm(goodput(one, objective), pair, at_s, after_s)
            self._seen[trigger, seed] = seen
            if isinstance(one, str):
                self.unjudged[name] = one
            elif isinstance(pair, str):
                self.unjudged[name] = f"the run without it failed: {pair}"
            elif seen is None:
                self.unjudged[name] = (
                    f"nothing arrives at {', '.join(objective.endpoints)} from {self.setting.at} on without it"
                )
        if any(key not in self._seen for key in keys):
            raise TimeIsUpError("time is up")

    def _pair(self, seed: int) -> Goodput | str:
        """What the run of a seed without a trigger answers; of a held-out seed, why it failed."""
        if seed not in self._paired:  # all of its kind at once
            alike = self.setting.held_out if seed in self.setting.held_out else self.setting.seeds
            names = {one: f"as-it-is,seed={one}" for one in alike}
            made = self.make({name: self.setting.mapping(None, one) for one, name in names.items()})
            objective = self.setting.objective
            for one, name in names.items():
                found = made.get(name)
                failed = found if isinstance(found, str) and one in self.setting.held_out else None
                self._paired[one] = failed or goodput(_dataset(made, name), objective)
        return self._paired[seed]


def _dataset(made: Made, name: str) -> xr.Dataset:
    one = made.get(name)
    if one is None:
        raise TimeIsUpError("time is up before anything could be said; give it more, --within")
    if isinstance(one, str):
        raise RunError(f"{name}: {one}")
    return one


def name_of(trigger: Trigger, seed: int) -> str:
    """Name of a run's folder."""
    faults = "+".join(
        f"{fault.place.thing} {fault.place.how} {fault.size:.6g} {fault.seconds:g}s" for fault in trigger.faults
    )
    return shortened(re.sub(r"[^\w.+]+", "-", faults).strip("-.")) + f",seed={seed}"
