"""Which change to make, by a deadline: runs are given out where the contest is close, and at any moment there is an answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sfmodel.sweeps.selection import Contest, contest, go_on

SEEDS = 2
"""That each change gets in a round."""

IN_STORM = 3
"""Best changes that are also tried in the storm, after each round, beside none."""

SURE = 0.95
"""Probability with which one is said to be best."""

ENOUGH = 0.99
"""Probability at which nothing more is run, once it is reached after a round that was given out by what was known."""


@dataclass(frozen=True)
class Job:
    """A run that is wanted."""

    change: str
    seed: int
    storm: bool

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.change},seed={self.seed}{',storm' if self.storm else ''}"


@dataclass
class Decision:
    """The contest so far.

    Parameters
    ----------
    changes
        Sets of interventions, as labels; the first is what the others are beside.
    more_is_better
        Which way the figure is better.
    """

    changes: list[str]
    more_is_better: bool
    seen: dict[tuple[str, int], float] = field(default_factory=dict)
    """(change, seed) → figure."""
    in_storm: dict[tuple[str, int], float] = field(default_factory=dict)
    """The same in the storm."""

    def rounds(self, with_storm: bool) -> Iterator[list[Job]]:
        """Yield the runs of a round, for as long as anyone asks; what they show is to be told before the next."""
        going, first = list(self.changes), 1
        while True:
            seeds = range(first, first + SEEDS)
            yield [Job(change, seed, False) for seed in seeds for change in going]
            found = self.standing()
            if found is not None:
                going = go_on(found, going, more_is_better=self.more_is_better)
                if with_storm:
                    best = [name for name in self.order() if name != self.changes[0]][:IN_STORM]
                    yield [Job(change, first, True) for change in [self.changes[0], *best]]
            first += SEEDS

    def tell(self, job: Job, value: float) -> None:
        """Take in what a run showed."""
        if not math.isnan(value):
            (self.in_storm if job.storm else self.seen)[job.change, job.seed] = value

    def standing(self) -> Contest | None:
        """What is known of the changes that have been run; none: not even of the first and one other."""
        names = [name for name in self.changes if any(change == name for change, _ in self.seen)]
        if len(names) < 2 or names[0] != self.changes[0]:
            return None
        return contest(self.seen, names, more_is_better=self.more_is_better)

    def order(self) -> list[str]:
        """Changes that have been run, the best first."""
        found = self.standing()
        if found is None:
            return []
        by_mean = np.argsort(-found.mean if self.more_is_better else found.mean, kind="stable")
        return [found.names[k] for k in by_mean]

    def harm(self, change: str) -> float:
        """Effect of a change in the storm, mean over the seeds that it and the first have there; NaN: not tried."""
        first = self.changes[0]
        pairs = [
            value - self.in_storm[first, seed]
            for (name, seed), value in self.in_storm.items()
            if name == change and (first, seed) in self.in_storm
        ]
        return math.fsum(pairs) / len(pairs) if pairs else math.nan

    def is_enough(self) -> bool:
        """Whether more runs would hardly change the answer."""
        found = self.standing()
        rounds = max((seed for _, seed in self.seen), default=0) // SEEDS
        return found is not None and rounds > 1 and bool(np.nanmax(found.best, initial=0.0) >= ENOUGH)

    def verdict(self) -> str:
        """The answer in a sentence."""
        found, order = self.standing(), self.order()
        if found is None:
            return "too little has run to say anything yet"
        best = order[0]
        probability = float(found.best[found.names.index(best)])
        if math.isnan(probability):
            return f"of one seed {best} looks best: what is chance is not known yet"
        if probability >= SURE:
            return f"{best} is best, with a probability of {_share(probability)}"
        close = [name for name in order if found.best[found.names.index(name)] >= 1 - SURE]
        rivals = " from ".join(close[:2]) if len(close) > 1 else f"{best} from the others"
        return f"cannot tell {rivals} yet: {best} is best with a probability of {_share(probability)}"


def _share(probability: float) -> str:
    percent = math.floor(100 * probability)
    return "more than 99 %" if percent > 99 else f"{percent} %"


def run_until(
    decision: Decision,
    with_storm: bool,
    make: Callable[[Sequence[Job]], Iterator[tuple[Job, float, str | None]]],
    told: Callable[[Job, str | None], None],
    time_is_up: Callable[[], bool],
) -> Mapping[Job, str]:
    """Run rounds until time is up, or the answer is clear; return what failed.

    Parameters
    ----------
    decision
        Takes in what runs show.
    with_storm
        Whether there is a storm to try the best in.
    make
        Makes runs and yields each as it ends: its figure, and why it failed if it did. It ends early when time is up.
    told
        Called after each.
    time_is_up
        Asked before each round.
    """
    failed: dict[Job, str] = {}
    for jobs in decision.rounds(with_storm):
        if time_is_up() or decision.is_enough():
            break
        wanted = [job for job in jobs if job not in failed]
        ended = 0
        for job, value, reason in make(wanted):
            ended += 1
            if reason is not None:
                failed[job] = reason
            decision.tell(job, value)
            told(job, reason)
        if ended < len(wanted) or all(job in failed for job in jobs):
            break
    return failed
