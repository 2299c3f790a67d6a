"""A trigger made as small as it can be and still break the objective, on every seed.

As delta debugging does (Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28, 2002), and
QuickCheck and Hypothesis: of what makes it cheaper that is kept which still breaks, until nothing does. First each fault is
left out. Then durations and sizes are halved, or one is halved where the other grows by less. In the end each of both is
bisected. What is in nothing larger than a trigger that does not break it is taken not to break it either, and not tried. Of one
that cannot be judged nothing follows for others; where a bisection meets it, what lies on either side is not known, and the
trigger is not called minimal.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from sfmodel.failure_modes.triggers import Fault, Trigger

STEPS = ((1.0, 0.5), (0.5, 1.0), (1.5, 0.5), (0.5, 1.5), (1.25, 0.7), (0.7, 1.25))
"""Factors on size and duration of a fault, each of which makes it cheaper by an eighth at least."""
LEAST = 0.0144
"""Sizes, in doublings, are not made smaller than this: a hundredth more or less."""
NEAR = 0.1
"""A bisection ends where what breaks and what does not are so near, of what breaks."""

Break = Callable[[Sequence[Trigger]], Sequence[bool | None]]
"""Whether each trigger breaks the objective, on every seed; none: it cannot be judged."""


Smaller = Generator[Trigger, None, Trigger]
"""Yields ever cheaper triggers and returns the last."""


class Shrinker:
    """Shrinks triggers.

    Parameters
    ----------
    breaks
        Tries triggers.
    longest_s
        Longest duration of a fault, s.
    """

    def __init__(self, breaks: Break, longest_s: float) -> None:
        """Try nothing yet."""
        self._try, self._longest_s = breaks, longest_s
        self._failed: list[Trigger] = []
        self.is_minimal = True
        """Whether the last is minimal: no step on the way to it was left undone for what could not be judged."""

    def shrunk(self, trigger: Trigger) -> Iterator[Trigger]:
        """Yield ever cheaper triggers, each of which breaks the objective; the last is minimal, or `is_minimal` says no.

        Parameters
        ----------
        trigger
            One that breaks it.
        """
        trigger = yield from self._without_some(trigger)
        trigger = yield from self._by_steps(trigger)
        for k in range(len(trigger.faults)):
            for of_size in (True, False):
                trigger = yield from self._bisected(trigger, k, of_size)

    def _breaks(self, trigger: Trigger) -> bool | None:
        """Whether a trigger breaks the objective, by what is known of larger ones or by trying it; none: it is not judged."""
        if any(_is_within(trigger, other) for other in self._failed):
            return False
        breaks = self._try([trigger])[0]
        if breaks is False:
            self._failed.append(trigger)
        return breaks

    def _without_some(self, trigger: Trigger) -> Smaller:
        """Leave faults out."""
        if len(trigger.faults) > 1:
            fewer = [Trigger((fault,)) for fault in trigger.faults]
            for one in sorted(fewer, key=lambda one: one.cost):
                if self._breaks(one):
                    yield one
                    return one
        return trigger

    def _by_steps(self, trigger: Trigger) -> Smaller:
        """Make faults cheaper by large steps, as long as one of them still breaks; that which helps most first."""
        while True:
            smaller = [one for k in range(len(trigger.faults)) for one in self._steps(trigger, k)]
            for one in sorted(smaller, key=lambda one: one.cost):
                if self._breaks(one):
                    trigger = one
                    yield trigger
                    break
            else:
                return trigger

    def _steps(self, trigger: Trigger, k: int) -> Iterator[Trigger]:
        fault = trigger.faults[k]
        for of_size, of_duration in STEPS:
            size, seconds = fault.size * of_size, fault.seconds * of_duration
            if min(LEAST, fault.size) <= size <= fault.place.most and seconds <= self._longest_s:
                one = _with(trigger, k, size, seconds)
                if one.cost < trigger.cost * 0.95:
                    yield one

    def _bisected(self, trigger: Trigger, k: int, of_size: bool) -> Smaller:
        """Bisect the size or the duration of a fault; below half of it nothing broke."""
        fault = trigger.faults[k]
        low = max(LEAST, fault.size / 2) if of_size else fault.seconds / 2
        while True:
            high = fault.size if of_size else fault.seconds
            middle = (low + high) / 2
            if high - low <= NEAR * high:
                return trigger
            one = _with(trigger, k, middle, fault.seconds) if of_size else _with(trigger, k, fault.size, middle)
            if one.cost >= trigger.cost:
                return trigger
            breaks = self._breaks(one)
            if breaks is None:
                self.is_minimal = False
                return trigger
            if breaks:
                trigger, fault = one, one.faults[k]
                yield trigger
            else:
                low = middle


def _with(trigger: Trigger, k: int, size: float, seconds: float) -> Trigger:
    faults = list(trigger.faults)
    faults[k] = Fault.of(faults[k].place, size, seconds)
    return replace(trigger, faults=tuple(faults))


def _is_within(trigger: Trigger, other: Trigger) -> bool:
    """Whether each fault of a trigger is in another, as large and as long at least."""
    larger = {fault.place: fault for fault in other.faults}
    return all(
        fault.place in larger
        and fault.size <= larger[fault.place].size + 1e-9
        and fault.seconds <= larger[fault.place].seconds
        for fault in trigger.faults
    )
