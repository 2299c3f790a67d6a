"""Which change to make, by a deadline: runs are given out where the contest is close, and at any moment there is an answer."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sfmodel.sweeps.selection import Contest, contest, go_on, joined

SEEDS = 2
"""That each change gets in a round."""

IN_STORM = 3
"""Best changes that are also tried in the storm, after each round, beside none."""

SURE = 0.95
"""Probability with which one is said to be best."""

ENOUGH = 0.99
"""Probability at which nothing more is run."""

FEWEST = 2 * SEEDS
"""Seeds of the best change before it is said to be best: of two seeds its own variance is hardly known."""

LAST = 3 * SEEDS
"""Seeds of the best change before nothing more is run: of four a variance of its own is not known well enough for 99 %."""


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

    @classmethod
    def named(cls, name: str) -> Job | None:
        """The run whose folder has this name; none: it is no name of one."""
        found = re.fullmatch(r"(?P<change>.+),seed=(?P<seed>\d+)(?P<storm>,storm)?", name)
        return cls(found["change"], int(found["seed"]), found["storm"] is not None) if found else None


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
    _judged: tuple[dict[tuple[str, int], float], Contest | None] = field(default_factory=lambda: ({}, None), repr=False)
    """What had been seen when it was last judged, and what was found."""

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
        if math.isfinite(value):
            (self.in_storm if job.storm else self.seen)[job.change, job.seed] = value

    def standing(self) -> Contest | None:
        """What is known of the changes that can be taken beside the first; none: there is no other."""
        if self._judged[0] != self.seen:
            there = joined(self.seen, self.changes[0])
            names = [name for name in self.changes if name in there]
            seen = {run: value for run, value in self.seen.items() if run[0] in there}
            found = contest(seen, names, more_is_better=self.more_is_better) if len(names) > 1 else None
            self._judged = dict(self.seen), found
        return self._judged[1]

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

    def best(self, probability: float = SURE, fewest: int = FEWEST) -> str | None:
        """The change that is best with this probability at least, of so many seeds at least; none: nothing is."""
        found = self.standing()
        if found is None or np.isnan(found.best).any():
            return None
        k = int(np.argmax(found.best))
        seeds = sum(change == found.names[k] for change, _ in self.seen)
        return found.names[k] if found.best[k] >= probability and seeds >= fewest else None

    def candidates(self) -> list[str]:
        """Changes that may be best, the best first; none where chance is not known yet."""
        found = self.standing()
        if found is None:
            return []
        return [name for name in self.order() if found.best[found.names.index(name)] >= 1 - SURE]

    def is_enough(self) -> bool:
        """Whether more runs would hardly change the answer."""
        return self.best(ENOUGH, LAST) is not None

    def verdict(self) -> str:
        """The answer in a sentence."""
        found, order = self.standing(), self.order()
        if found is None:
            return "too little has run to say anything yet"
        best = order[0]
        probability = float(found.best[found.names.index(best)])
        if math.isnan(probability):
            return f"of one seed {best} looks best: what is chance is not known yet"
        if self.best() == best:
            return f"{best} is best, with a probability of {_share(probability)}"
        if probability >= SURE:
            return f"{best} looks best, with a probability of {_share(probability)}: too few seeds to be sure"
        close = self.candidates()
        rivals = " from ".join(close[:2]) if len(close) > 1 else f"{best} from the others"
        return f"cannot tell {rivals} yet: {best} is best with a probability of {_share(probability)}"


def _share(probability: float) -> str:
    return "more than 99 %" if probability > 0.99 else f"{math.floor(100 * probability)} %"


def run_until(
    decision: Decision,
    with_storm: bool,
    make: Callable[[Sequence[Job]], Iterator[tuple[Job, float, str | None]]],
    told: Callable[[Job, str | None], None],
    time_is_up: Callable[[], bool],
) -> Mapping[Job, str]:
    """Run rounds until time is up, or the answer is clear, or a round fails whole, or what the others are beside does; return
    what failed.

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
        first_fails = not any(change == decision.changes[0] for change, _ in decision.seen)
        if ended < len(wanted) or first_fails or all(job in failed and not job.storm for job in jobs):
            break
    return failed
