"""Failure modes: the different ways to break an objective, with what each does, and whether it is known already.

Triggers on the same things whose cascades go the same way are one mode, of which the cheapest stands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sfmodel.diagnosis.cascades import cascades
from sfmodel.failure_modes.harm import Harm
from sfmodel.failure_modes.search import Found
from sfmodel.failure_modes.trials import Trials
from sfmodel.failure_modes.triggers import Trigger
from sfmodel.results.intervals import Interval, interval


@dataclass(frozen=True)
class Mode:
    """A way to break the objective."""

    trigger: Trigger
    """The cheapest that was found."""
    minimal: bool
    """Whether it has been shrunk to the end."""
    harms: tuple[Harm, ...]
    """What it does, by seed; of one seed: it has not been tried on the others."""
    path: tuple[str, ...]
    """Services of the cascade that it sets off, from the cause's to where requests enter; none: no other is dragged down."""
    cause: str
    """Where the trouble of that cascade comes from."""
    outlives: bool | None
    """Whether the objective still fails long after its end, on all seeds; none: the runs do not go on so long."""
    known: str | None
    """Scenario that acts on the same things."""
    others: tuple[Trigger, ...] = ()
    """Further triggers on the same things with the same cascade."""

    @property
    def is_confirmed(self) -> bool:
        """Whether it was found on more seeds than one."""
        return len(self.harms) > 1

    @property
    def bad(self) -> Interval:
        """Share of what is asked that is not answered well, over the seeds."""
        return interval([one.bad for one in self.harms])

    @property
    def usual(self) -> Interval:
        """The same without the trigger."""
        return interval([one.usual for one in self.harms])


def modes_of(found: Sequence[Found], trials: Trials, known: Mapping[str, frozenset[str]]) -> list[Mode]:
    """Say what each trigger does, and join those that are one mode; the cheapest first.

    Parameters
    ----------
    found
        Triggers that break the objective.
    trials
        Where they were tried.
    known
        What each scenario acts on, by its name.
    """
    modes: dict[tuple[frozenset[str], tuple[str, ...]], Mode] = {}
    for one in sorted(found, key=lambda one: one.trigger.cost):
        mode = _mode(one, trials, known)
        key = one.trigger.things, mode.path
        first = modes.get(key)
        modes[key] = mode if first is None else replace(first, others=(*first.others, mode.trigger))
    return list(modes.values())


def _mode(one: Found, trials: Trials, known: Mapping[str, frozenset[str]]) -> Mode:
    setting = trials.setting
    seeds = setting.seeds if one.always else setting.seeds[:1]
    harms = tuple(harm for harm in trials.harms([one.trigger], seeds)[0] if harm is not None)
    ds = trials.run(one.trigger, seeds[0])
    ahead = [cascade for cascade in cascades(ds) if cascade.ends_s > setting.at_s]
    worst = max(ahead, key=lambda cascade: (len(cascade.path), cascade.share), default=None)
    over = [harm.after > trials.limit for harm in harms if not math.isnan(harm.after)]
    return Mode(
        one.trigger, one.minimal, harms, worst.path if worst else (), worst.cause if worst else "",
        all(over) if over else None, known_as(one.trigger, known),
    )  # fmt: skip


def known_as(trigger: Trigger, known: Mapping[str, frozenset[str]]) -> str | None:
    """The scenario that acts on the fewest things, of which a trigger's are a part; none: there is none."""
    same = [name for name, things in known.items() if trigger.things <= things]
    return min(same, key=lambda name: (len(known[name]), name), default=None)
