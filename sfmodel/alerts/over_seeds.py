"""What alerts do in the replications of a run: in how many they fire, and how soon after the trigger.

Over quiet runs that is their false alarms, over runs with a trigger the time to detect. The share of seeds in which one fires has
the 95 % interval of Clopper and Pearson (Biometrika 26, 1934).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sfmodel.alerts.alarm import Alarm
from sfmodel.alerts.alarms import kinds
from sfmodel.alerts.objectives import Objectives
from sfmodel.results.intervals import share_ends


@dataclass(frozen=True)
class Record:
    """What one alert does in the replications of a run."""

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
    delays_s: tuple[float, ...] | None
    """Time from the trigger until it first fires after it, s, of each in which it does; none: there is no trigger."""


def records(found: Sequence[Sequence[Alarm]], objectives: Objectives, trigger_s: float | None) -> list[Record]:
    """Count alarms over replications.

    Parameters
    ----------
    found
        Alarms of each replication.
    objectives
        What they were found with.
    trigger_s
        Time of the scenario's first event, s since midnight of day 1; none: there is no scenario.
    """
    return [_record(found, promise, alert, trigger_s) for promise, alert in kinds(objectives)]


def _record(found: Sequence[Sequence[Alarm]], promise: str, alert: str, trigger_s: float | None) -> Record:
    own = [[one.fires_s for one in run if (one.promise, one.kind) == (promise, alert)] for run in found]
    fired = sum(map(bool, own))
    delays_s = None
    if trigger_s is not None:
        after = [[at_s - trigger_s for at_s in run if at_s >= trigger_s] for run in own]
        delays_s = tuple(min(run) for run in after if run)
    times = sum(map(len, own)) / len(own)
    return Record(promise, alert, fired, len(own), share_ends(fired, len(own)), times, delays_s)
