"""What may be a bottleneck: stations and limiters that something waits for, each with the key that gives it more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sfmodel.diagnosis.troubles import Trouble
from sfmodel.errors import ConfigError, nearest
from sfmodel.schema.run import Run
from sfmodel.schema.steps import Hold
from sfmodel.schema.walk import endpoints_of, steps_of

LIMITER = " (limiter)"


@dataclass(frozen=True)
class Candidate:
    """A resource that may be a bottleneck."""

    trouble: Trouble
    """What comes from it, and how busy it is."""
    key: str
    """What is made larger: the speed of a station, the servers of one that is held, the rate or limit of a limiter."""
    whole: float | None
    """Its value, where only whole numbers are possible; none: any is."""

    @property
    def name(self) -> str:
        """As among the causes."""
        return self.trouble.cause

    def possible(self, factor: float) -> float:
        """How many times as much there can be, at least so many: of two servers 1 % more are three, 1.5 times as many."""
        return factor if self.whole is None else math.ceil(self.whole * factor - 1e-9) / self.whole

    def event(self, factor: float, at_s: float) -> dict[str, Any]:
        """The event of a scenario that gives so many times as much of it, from a time on, s since midnight."""
        return {"at": f"{at_s} s", "scale": {self.key: factor}}


def candidates(run: Run, found: Sequence[Trouble], most: int) -> list[Candidate]:
    """The resources that are busiest, and those that most failures and most time come from, taken in turn.

    Parameters
    ----------
    run
        The run, validated.
    found
        Its troubles over the period.
    most
        How many.
    """
    every = {one.cause: candidate for one in found if (candidate := _candidate(run, one)) is not None}
    rankings = [
        sorted(every, key=lambda name: -measure(every[name].trouble))
        for measure in (lambda one: _known(one.busy), lambda one: one.failures, lambda one: _known(one.time_share))
    ]
    in_turn = dict.fromkeys(name for names in zip(*rankings, strict=True) for name in names)
    return [every[name] for name in list(in_turn)[:most]]


def named(run: Run, found: Sequence[Trouble], names: Sequence[str]) -> list[Candidate]:
    """The resources of these names.

    Raises
    ------
    ConfigError
        There is none of a name.
    """
    every = {one.cause.removesuffix(LIMITER): candidate for one in found if (candidate := _candidate(run, one))}
    for name in (name.removesuffix(LIMITER) for name in names):
        if name not in every:
            raise ConfigError(
                f"--of: there is no station or limiter '{name}' to be larger; {nearest(name, list(every))}"
            )
    return [every[name.removesuffix(LIMITER)] for name in names]


def _known(value: float) -> float:
    return -1.0 if math.isnan(value) else value


def _candidate(run: Run, trouble: Trouble) -> Candidate | None:
    service, _, name = trouble.cause.removesuffix(LIMITER).partition(".")
    owner = run.platform.services.get(service)
    if owner is None or not name:
        return None
    if trouble.cause.endswith(LIMITER):
        limiter = owner.limiters.get(name)
        if limiter is None:
            return None
        key = f"services.{service}.limiters.{name}"
        return (
            Candidate(trouble, f"{key}.rate", None)
            if limiter.rate
            else Candidate(trouble, f"{key}.limit", limiter.limit)
        )
    station = owner.stations.get(name)
    if station is None or station.servers == "unlimited" or math.isnan(trouble.busy):
        return None
    key = f"services.{service}.stations.{name}"
    if (service, name) in _held(run):
        return Candidate(trouble, f"{key}.servers", station.servers)
    return Candidate(trouble, f"{key}.speed", None)


def _held(run: Run) -> set[tuple[str, str]]:
    """Stations that are held: the time in them is that of what is done meanwhile."""
    held = {(service, endpoint.hold) for service, _, endpoint in endpoints_of(run.platform) if endpoint.hold}
    return held | {(one.service, one.step.hold) for one in steps_of(run.platform) if isinstance(one.step, Hold)}
