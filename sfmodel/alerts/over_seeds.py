"""What alerts do in the replications of a run: in how many they fire, how soon after the trigger, and in how many before it.

Over quiet runs, and before a trigger, that is their false alarms; from the trigger on, the time to detect. The share of seeds in
which one fires has the 95 % interval of Clopper and Pearson (Biometrika 26, 1934). The time to detect is a median to which seeds
in which it never fires count as watched until the end of the run (Kaplan and Meier, JASA 53, 1958); those in which it is firing
when the trigger begins say nothing of it, and are left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.alarms import kinds
from sfmodel.alerts.objectives import Objectives
from sfmodel.results.intervals import share_ends
from sfmodel.results.survival import median_s


@dataclass(frozen=True)
class AfterTrigger:
    """How soon an alert fires after a trigger, over replications, and in how many it had fired before."""

    delays_s: tuple[float, ...]
    """Time from the trigger until it first fires, s, of each replication in which it does."""
    seeds: int
    """Replications."""
    watched_s: float
    """From the trigger to the end of the run, s."""
    false_alarms: int
    """Replications in which it fires before the trigger."""
    firing: int = 0
    """Replications in which it is firing when the trigger begins: nothing is known of their delay."""

    @property
    def median_s(self) -> float | None:
        """Time by which it has fired in half of the replications whose delay can be known, s; none: it does in fewer."""
        never = self.seeds - self.firing - len(self.delays_s)
        found = median_s(self.delays_s, [self.watched_s] * never)
        return found if math.isfinite(found) else None


@dataclass(frozen=True)
class Detection:
    """What one alert does in the replications of a run; where there is a trigger, from there on."""

    promise: str
    """Name of the objective at stake."""
    alert: str
    fired: int
    """Replications in which it fires at least once."""
    seeds: int
    """Replications."""
    share: tuple[float, float]
    """95 % interval of the share of seeds in which it fires."""
    times: float
    """How often it fires in one, mean."""
    after: AfterTrigger | None
    """What is known by the trigger; none: there is none."""


def detections(
    found: Sequence[Sequence[Alarm]], objectives: Objectives, trigger_s: float | None, until_s: float
) -> list[Detection]:
    """Count alarms over replications.

    Parameters
    ----------
    found
        Alarms of each replication.
    objectives
        What they were found with.
    trigger_s
        Time of the scenario's first event, s since midnight of day 1; none: there is no scenario.
    until_s
        End of the run, s since midnight of day 1.
    """
    return [_detection(found, promise, alert, trigger_s, until_s) for promise, alert in kinds(objectives)]


def _detection(
    found: Sequence[Sequence[Alarm]], promise: str, alert: str, trigger_s: float | None, until_s: float
) -> Detection:
    alarms = [[one for one in run if (one.promise, one.kind) == (promise, alert)] for run in found]
    own = [[one.fires_s for one in run] for run in alarms]
    after = None
    if trigger_s is not None:
        false_alarms = sum(any(at_s < trigger_s for at_s in run) for run in own)
        own = [[at_s for at_s in run if at_s >= trigger_s] for run in own]
        firing = [any(one.fires_s < trigger_s < one.ends_s for one in run) for run in alarms]
        delays_s = tuple(min(run) - trigger_s for run, known in zip(own, firing, strict=True) if run and not known)
        after = AfterTrigger(delays_s, len(own), max(0.0, until_s - trigger_s), false_alarms, sum(firing))
    fired = sum(map(bool, own))
    times = sum(map(len, own)) / len(own)
    return Detection(promise, alert, fired, len(own), share_ends(fired, len(own)), times, after)
