"""Time and the order of simultaneous events (section 1)."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from heapq import heappush
from typing import Any

import simpy

READY, SCENARIO, TASK, TIMER, ARRIVAL, HOUSEKEEPING = range(6)
Order = tuple[int, ...]
Script = Generator[simpy.Event, Any, Any]


def number_of(time: float, length: float) -> int:
    """Which of the windows n·length ≤ time < (n + 1)·length a time is in; the edges as computed, not the quotient."""
    number = math.floor(time / length)
    while number * length > time:
        number -= 1
    while (number + 1) * length <= time:
        number += 1
    return number


class Clock(simpy.Environment):
    """SimPy's environment, ordered by (time, class of event and its rank, sequence).

    Whatever SimPy itself schedules (a succeeded event, a new process) is a ready task: it comes before
    every other event of the moment, in the order in which it became ready.
    """

    def schedule(self, event: simpy.Event, priority: int = 1, delay: float = 0) -> None:
        """Make whoever waits for the event ready."""
        heappush(self._queue, (self._now + delay, (READY,), next(self._eid), event))

    def at(self, time: float, order: Order, action: Callable[[], None] | None = None) -> simpy.Event:
        """An event at a time: it runs the action, then resumes whoever waits for it."""
        event = simpy.Event(self)

        def happen(_: simpy.Event) -> None:
            event._ok, event._value = True, None
            if action is not None:
                action()

        event.callbacks.append(happen)
        heappush(self._queue, (max(time, self._now), order, next(self._eid), event))
        return event

    def after(self, delay: float, order: Order, action: Callable[[], None] | None = None) -> simpy.Event:
        """An event after a delay."""
        return self.at(self._now + delay, order, action)

    def run_before(self, until: float) -> None:
        """All events before a time."""
        while self.peek() < until:
            self.step()
        self._now = until


class Stoppable(simpy.Process):
    """A process that can be stopped at this very moment, wherever it waits."""

    def when_ready(self, action: Callable[[], None]) -> None:
        """Do this in its place among the ready tasks, or behind them if it is not yet ready."""
        if self._target.triggered:
            self._target.callbacks.append(lambda _: action())
        else:
            self.env.at(self.env.now, (READY,), action)

    def stop(self, reason: Exception) -> None:
        """Throw the reason into the process now."""
        waited_for = self._target.callbacks
        if waited_for is not None and self._resume in waited_for:
            waited_for.remove(self._resume)
        thrown = simpy.Event(self.env)
        thrown._ok, thrown._value = False, reason
        self._resume(thrown)
