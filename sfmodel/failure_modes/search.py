"""The search for the cheapest triggers that break an objective.

Each place is tried once, as large and as long as is looked at: what does no harm then does none when it is less. Of the others,
alone and in pairs, sizes and durations are searched by Optuna, with two objectives: the cost of a trigger, and its harm as far
as to what breaks the objective, so that the cheap end of the front is what is looked for (TPE for several objectives: Ozaki et
al., Multiobjective Tree-Structured Parzen Estimator, JAIR 73, 2022). Both on one seed. The cheapest of each place, or pair, is
then shrunk on all seeds, beginning with the cheapest, and what is left is tried on seeds that no step has seen.

What is tried next depends on what was seen alone, so that a search that is begun again goes the same way, from kept runs.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any

from sfmodel.failure_modes.harm import Harm
from sfmodel.failure_modes.shrinking import Shrinker
from sfmodel.failure_modes.trials import Trials
from sfmodel.failure_modes.triggers import SHORTEST_S, Fault, FaultPlace, Trigger
from sfmodel.results.summary import format_value

if TYPE_CHECKING:
    import optuna

BATCH = 4
"""Triggers that are tried at a time."""
HARMFUL = 0.1
"""A place that at its largest does less of what breaks the objective is left out, also of pairs."""
LEAST = 0.02
"""Smallest size that is searched, of the largest of a place."""
AGAIN = 3
"""Triggers of a place that are tried on all seeds, the cheapest first, before it is left out."""
PLACEBO = 0.0015
"""Size of a fault that does nothing but change chance: a thousandth."""
PLACEBOS = 2
"""Triggers by which chance is learned, of one place."""
PLACEBO_PLACES = 3
"""Places at which they are tried, one after the other, until one moves something: a thousandth of what is rare is nothing."""
NO_OTHER = "none"
"""Second place of a trigger of one fault."""

Told = Callable[[str], object]


@dataclass(frozen=True)
class Found:
    """A trigger that breaks the objective."""

    trigger: Trigger
    always: bool
    """Whether on all seeds; else on the first, and the others have not been tried."""
    minimal: bool
    """Whether it has been shrunk."""
    held_out: tuple[Harm | None, ...] = ()
    """What it does on seeds that no step has seen, none where that cannot be judged; empty: it has not been tried."""


@dataclass
class Search:
    """What is known, and what is to be tried next.

    Parameters
    ----------
    trials
        Tries triggers.
    places
        Where a platform can go wrong.
    told
        Told of what is seen.
    most
        So many modes are shrunk.
    explored
        So many triggers are proposed by Optuna.
    enough_explored
        Asked before each batch of these: whether what time is left is needed for shrinking.
    small
        Triggers too small to do anything, by which chance is learned, by place; none: such of the places.
    """

    trials: Trials
    places: Sequence[FaultPlace]
    told: Told
    most: int = 8
    explored: int = 48
    enough_explored: Callable[[], bool] = lambda: False
    small: Sequence[Sequence[Trigger]] = ()
    harmful: dict[FaultPlace, float] = field(default_factory=dict)
    """Places that do harm, with their largest one, in parts of what breaks the objective."""
    harmless: list[FaultPlace] = field(default_factory=list)
    """Places that do not."""
    unjudged: list[FaultPlace] = field(default_factory=list)
    """Places of which it cannot be judged."""
    candidates: dict[Trigger, float] = field(default_factory=dict)
    """Triggers that break the objective on the first seed, with their harm."""
    found: dict[frozenset[FaultPlace], Found] = field(default_factory=dict)
    """Of each place, or pair, the cheapest that breaks it on all seeds."""
    left_out: set[frozenset[FaultPlace]] = field(default_factory=set)
    """Places, and pairs, that do not break it on all seeds, or of which one alone does."""
    stuck: set[frozenset[FaultPlace]] = field(default_factory=set)
    """Those whose trigger cannot be made smaller, since what is smaller cannot be judged."""

    def run(self) -> None:
        """Search; whatever ends it, what has been found stands."""
        self.trials.learn_chance(self.small or placebos(self.places))
        chance, limit = (format_value(share, "share") for share in (self.trials.chance, self.trials.limit))
        self.told(
            f"by chance a trigger that is too small to do anything adds up to {chance}; more than {limit} breaks it"
        )
        self._screen()
        self._explore()
        self._shrink()

    def modes(self) -> list[Found]:
        """What is known, the cheapest first: what has been shrunk, and the cheapest trigger of what has not."""
        cheapest: dict[frozenset[FaultPlace], Found] = {}
        for trigger in sorted(self.candidates, key=lambda one: one.cost):
            cheapest.setdefault(trigger.places, Found(trigger, always=False, minimal=False))
        known = {places: one for places, one in cheapest.items() if places not in self.left_out} | self.found
        return sorted((one for one in known.values() if _is_own(one, known)), key=lambda one: one.trigger.cost)

    # What is tried

    def _screen(self) -> None:
        longest_s = self.trials.setting.longest_s
        every = [Trigger((Fault.of(place, place.most, longest_s),)) for place in self.places]
        self.told(f"screening {len(every)} places, each as large and as long as is looked at")
        for first in range(0, len(every), BATCH):
            some = every[first : first + BATCH]
            for trigger, (harm, *_) in zip(some, self.trials.harms(some), strict=True):
                part = self._seen(trigger, harm)
                place = trigger.faults[0].place
                if part is None:
                    self.unjudged.append(place)
                elif part >= HARMFUL:
                    self.harmful[place] = part
                else:
                    self.harmless.append(place)
            self.told(f"{min(first + BATCH, len(every))} of {len(every)}: {self._standing()}")

    def _explore(self) -> None:
        if not self.harmful or not self.explored:
            return
        from optuna.trial import TrialState

        study = self._study()
        self.told(f"searching sizes, durations and pairs of {len(self.harmful)} places that do harm")
        asked = 0
        while asked < self.explored and not self.enough_explored():
            batch = [study.ask() for _ in range(min(BATCH, self.explored - asked))]
            triggers = [self._proposed(trial) for trial in batch]
            seen = zip(batch, triggers, self.trials.harms(triggers), strict=True)
            for trial, trigger, (harm, *_) in seen:
                part = self._seen(trigger, harm)
                if part is None:
                    study.tell(trial, state=TrialState.FAIL)
                else:
                    study.tell(trial, [_doublings(trigger.cost), min(part, 1.0)])
            asked += len(batch)
            self.told(f"{asked} of {self.explored}: {self._standing()}")

    def _shrink(self) -> None:
        for _ in range(self.most):
            waiting = [one for one in self.modes() if not one.minimal and one.trigger.places not in self.stuck]
            if not waiting:
                return
            first = waiting[0].trigger.places
            alone = [one.trigger.places for one in waiting if one.trigger.places < first]
            self._shrink_one(
                (alone or [first])[0]
            )  # a pair is of interest if it is cheaper than what is left of each alone

    def _shrink_one(self, places: frozenset[FaultPlace]) -> None:
        known = self.found.get(places)
        trigger = known.trigger if known else self._breaking_always(places)
        if trigger is None:
            return
        self._keep(trigger)
        shrinker = Shrinker(self.trials.breaks_always, self.trials.setting.longest_s)
        for smaller in shrinker.shrunk(trigger):
            trigger = smaller
            self._keep(trigger)
        if trigger.places != places:  # one of its faults does as much without the other
            self.found.pop(places)
            self.left_out.add(places)
        if not shrinker.is_minimal:
            self.stuck.add(trigger.places)
            self.told(
                f"not shrunk to the end, since what is smaller cannot be judged: {trigger}, cost {trigger.cost:.2g}"
            )
            return
        self.told(f"minimal: {trigger}, cost {trigger.cost:.2g}")
        if self.found[trigger.places].trigger == trigger:
            minimal = Found(trigger, always=True, minimal=True)
            self.found[trigger.places] = minimal
            self.found[trigger.places] = replace(minimal, held_out=tuple(self.trials.on_held_out(trigger)))

    def _breaking_always(self, places: frozenset[FaultPlace]) -> Trigger | None:
        """The cheapest of a few triggers of a place that breaks the objective on all seeds; none: the place is left out."""
        own = sorted((one for one in self.candidates if one.places == places), key=lambda one: one.cost)
        verdicts = []
        for trigger in dict.fromkeys([*own[: AGAIN - 1], *own[-1:]]):
            verdicts += self.trials.breaks_always([trigger])
            if verdicts[-1]:
                return trigger
        self.left_out.add(places)
        what = "cannot be judged on all seeds" if None in verdicts else "not on all seeds"
        self.told(f"{what}: {', '.join(sorted(place.name for place in places))}")
        return None

    def _keep(self, trigger: Trigger) -> None:
        """Take in a trigger that breaks the objective on all seeds."""
        before = self.found.get(trigger.places)
        if before is None or trigger.cost < before.trigger.cost:
            self.found[trigger.places] = Found(trigger, always=True, minimal=False)
            self.told(f"breaks it on all seeds: {trigger}, cost {trigger.cost:.2g}")

    # What it shows

    def _seen(self, trigger: Trigger, harm: Harm | None) -> float | None:
        """Take in what a trigger did; its harm in parts of what breaks the objective, none where that cannot be judged."""
        if harm is None:
            return None
        part = max(0.0, harm.excess / self.trials.limit)
        if part > 1:
            self.candidates[trigger] = part
        return part

    def _standing(self) -> str:
        best = min(self.candidates, key=lambda one: one.cost, default=None)
        if best is None:
            return "nothing breaks it so far"
        places = len({one.places for one in self.candidates})
        return f"{places} ways to break it on the first seed, the cheapest {best} (cost {best.cost:.2g})"

    # Optuna

    def _study(self) -> optuna.Study:
        """A study that begins with what the screening has shown."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", optuna.exceptions.ExperimentalWarning
            )  # of sizes and durations place by place
            sampler = optuna.samplers.TPESampler(
                seed=1, n_startup_trials=BATCH, multivariate=True, group=True, constant_liar=True
            )
        study = optuna.create_study(directions=["minimize", "maximize"], sampler=sampler)
        longest_s = self.trials.setting.longest_s
        for place, part in self.harmful.items():
            values = [_doublings(Fault.of(place, place.most, longest_s).cost), min(part, 1.0)]
            params = {"place": place.name, "and": NO_OTHER, **self._largest(place)}
            study.add_trial(optuna.trial.create_trial(params=params, distributions=self._space(place), values=values))
        for one, other in self._together():
            study.enqueue_trial({"place": one.name, "and": other.name, **self._largest(one), **self._largest(other)})
        return study

    def _together(self) -> list[tuple[FaultPlace, FaultPlace]]:
        """Pairs of which neither place breaks the objective alone, those first that do most harm."""
        weak = [place for place, part in self.harmful.items() if part <= 1]
        pairs = [(one, other) for one, other in combinations(weak, 2) if one.thing != other.thing]
        pairs.sort(key=lambda pair: -sum(self.harmful[place] for place in pair))
        return pairs[: self.explored // 3]

    def _proposed(self, trial: optuna.Trial) -> Trigger:
        """The trigger that a trial is."""
        names = [place.name for place in self.harmful]
        by_name = dict(zip(names, self.harmful, strict=True))
        first = trial.suggest_categorical("place", names)
        second = trial.suggest_categorical("and", [NO_OTHER, *names])
        chosen = [by_name[first]]
        if second != NO_OTHER and by_name[second].thing != chosen[0].thing:
            chosen.append(by_name[second])
        longest_s = self.trials.setting.longest_s
        faults = []
        for place in sorted(chosen, key=names_in(names)):
            size = trial.suggest_float(f"size of {place.name}", LEAST, 1.0, log=True) * place.most
            seconds = trial.suggest_float(f"duration of {place.name}", SHORTEST_S, longest_s, log=True)
            faults.append(Fault.of(place, size, seconds))
        return Trigger(tuple(faults))

    def _space(self, place: FaultPlace) -> dict[str, Any]:
        from optuna.distributions import CategoricalDistribution, FloatDistribution

        names = [one.name for one in self.harmful]
        return {
            "place": CategoricalDistribution(names), "and": CategoricalDistribution([NO_OTHER, *names]),
            f"size of {place.name}": FloatDistribution(LEAST, 1.0, log=True),
            f"duration of {place.name}": FloatDistribution(SHORTEST_S, self.trials.setting.longest_s, log=True),
        }  # fmt: skip

    def _largest(self, place: FaultPlace) -> dict[str, Any]:
        return {f"size of {place.name}": 1.0, f"duration of {place.name}": self.trials.setting.longest_s}


def names_in(names: Sequence[str]) -> Callable[[FaultPlace], int]:
    """Order of places by a list of their names: a pair is the same the other way round."""
    return lambda place: names.index(place.name)


def placebos(places: Sequence[FaultPlace]) -> list[list[Trigger]]:
    """Triggers that change chance and nothing else, by place: a thousandth more of what comes, for a moment; else of a speed."""
    in_turn = [
        place for how in ("more demand", "burst", "slower", "called more") for place in places if place.how == how
    ]
    moments = [SHORTEST_S * k for k in range(1, PLACEBOS + 1)]
    return [
        [Trigger((Fault.of(place, PLACEBO, seconds),)) for seconds in moments] for place in in_turn[:PLACEBO_PLACES]
    ]


def _is_own(one: Found, known: dict[frozenset[FaultPlace], Found]) -> bool:
    """Whether none of its faults alone does as well for less."""
    alone = (known.get(frozenset({place})) for place in one.trigger.places if len(one.trigger.places) > 1)
    return all(other is None or other.trigger.cost > one.trigger.cost for other in alone)


def _doublings(cost: float) -> float:
    return math.log2(max(cost, 1e-6))
