"""Failure modes: the different ways to break an objective, with what each does, and whether it is known already.

Triggers on the same things whose cascades go the same way are one mode, of which the cheapest stands that is confirmed: that
breaks the objective on all seeds of the search and, made minimal, on held-out ones, which no step of it has seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sfmodel.diagnosis.cascades import Cascade, cascades
from sfmodel.failure_modes.harm import Harm
from sfmodel.failure_modes.search import Found
from sfmodel.failure_modes.trials import Trials
from sfmodel.failure_modes.triggers import Trigger
from sfmodel.results.intervals import Interval, interval


@dataclass(frozen=True)
class HeldOut:
    """What a minimal trigger does on a seed that no step of the search has seen."""

    seed: int
    harm: Harm | None
    """None: it cannot be judged."""
    breaks: bool | None
    """Whether it breaks the objective."""


@dataclass(frozen=True)
class Mode:
    """A way to break the objective."""

    trigger: Trigger
    """The cheapest that was found, of those that are confirmed if there are any."""
    minimal: bool
    """Whether it has been shrunk to the end."""
    harms: tuple[Harm, ...]
    """What it does, by seed; of one seed: it has not been tried on the others."""
    held_out: tuple[HeldOut, ...]
    """What it does on other seeds; none: it has not been tried, or is not minimal."""
    path: tuple[str, ...]
    """Services of the cascade that it sets off, from the cause's to where requests enter; none: no other is dragged down."""
    cause: str
    """Where the trouble of that cascade comes from."""
    before: tuple[str, ...]
    """Services of a cascade that had begun before and goes on with it; none: there is none."""
    outlives: bool | None
    """Whether the objective still fails long after its end, on all seeds; none: the runs do not go on so long."""
    known: str | None
    """Scenario that acts on the same things."""
    others: tuple[Trigger, ...] = ()
    """Further triggers on the same things with the same cascade."""

    @property
    def is_on_all_seeds(self) -> bool:
        """Whether it breaks the objective on all seeds of the search."""
        return len(self.harms) > 1

    @property
    def is_confirmed(self) -> bool:
        """Whether it does so also on every seed that was held out."""
        return bool(self.held_out) and all(one.breaks for one in self.held_out)

    @property
    def bad(self) -> Interval:
        """Share of what is asked that is not answered well, over the seeds."""
        return interval([one.bad for one in self.harms])

    @property
    def usual(self) -> Interval:
        """The same without the trigger."""
        return interval([one.usual for one in self.harms])


def modes_of(found: Sequence[Found], trials: Trials, known: Mapping[str, frozenset[str]]) -> list[Mode]:
    """Say what each trigger does, and join those that are one mode; confirmed ones first, of these the cheapest.

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
    every = [_mode(one, trials, known) for one in found]
    for mode in sorted(every, key=lambda mode: (not mode.is_confirmed, mode.trigger.cost)):
        key = mode.trigger.things, mode.path
        first = modes.get(key)
        modes[key] = mode if first is None else replace(first, others=(*first.others, mode.trigger))
    return list(modes.values())


def _mode(one: Found, trials: Trials, known: Mapping[str, frozenset[str]]) -> Mode:
    setting = trials.setting
    seeds = setting.seeds if one.always else setting.seeds[:1]
    harms = tuple(harm for harm in trials.harms([one.trigger], seeds)[0] if harm is not None)
    tried = zip(setting.held_out, one.held_out, strict=False)  # it may not have been tried
    held_out = tuple(HeldOut(seed, harm, trials.breaks([harm])) for seed, harm in tried)
    ds = trials.run(one.trigger, seeds[0])
    own, before = _longest_paths(cascades(ds), setting.at_s, float(ds.attrs["window_s"]))
    over = [harm.after > trials.limit for harm in harms if not math.isnan(harm.after)]
    return Mode(
        one.trigger, one.minimal, harms, held_out, own.path if own else (), own.cause if own else "",
        before.path if before else (), all(over) if over else None, known_as(one.trigger, known),
    )  # fmt: skip


def _longest_paths(found: Sequence[Cascade], at_s: float, window_s: float) -> tuple[Cascade | None, Cascade | None]:
    """The longest cascade that begins with a trigger, to a window, and the longest that it meets; none: there is none."""
    ahead = [one for one in found if one.ends_s > at_s]
    own = [one for one in ahead if one.begins_s >= at_s - window_s - 1e-6]
    before = [one for one in ahead if one.begins_s < at_s - window_s - 1e-6]
    return _longest(own), _longest(before)


def _longest(found: Sequence[Cascade]) -> Cascade | None:
    return max(found, key=lambda one: (len(one.path), one.share), default=None)


def known_as(trigger: Trigger, known: Mapping[str, frozenset[str]]) -> str | None:
    """The scenario that acts on the fewest things, of which a trigger's are a part; none: there is none."""
    same = [name for name, things in known.items() if trigger.things <= things]
    return min(same, key=lambda name: (len(known[name]), name), default=None)
