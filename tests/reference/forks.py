"""Fork and join (section 2)."""

from __future__ import annotations

from dataclasses import replace

from sfmodel.schema.steps import Fork as Config

from .calls import waiting
from .clock import Script
from .tasks import Place, Task


def fork(task: Task, step: Config, place: Place) -> Script:
    """Run the branches; return the outcome of the join."""
    running = Fork(task, step)
    with waiting(task):
        try:
            running.start(place)
            yield running.done
        finally:
            if running.outcome is None:
                running.decide("cancelled")
    return running.outcome


class Fork:
    """Branches side by side until the join is decided."""

    def __init__(self, task: Task, step: Config) -> None:
        self.task, self.step = task, step
        self.needed = {"all": len(step.fork), "first": 1}.get(step.join, step.join)
        self.done = task.world.clock.event()
        self.outcome: str | None = None
        self.successes = self.failures = 0
        self.branches: list[Task] = []

    def start(self, place: Place) -> None:
        """Each branch is a task in the same replica."""
        task = self.task
        about = replace(task.about, priority=task.priority, deadline=task.deadline)
        for index in range(len(self.step.fork)):
            at = place.below("fork", index)
            self.branches.append(Task(task.replica, at, about, self.ended, branch=True, zombie=task.zombie))

    def ended(self, outcome: str) -> None:
        """One branch has ended."""
        if self.outcome is not None:
            return
        if outcome == "ok":
            self.successes += 1
        else:
            self.failures += 1
        if self.successes >= self.needed:
            self.decide("ok")
        elif self.failures > len(self.step.fork) - self.needed:
            self.decide(outcome)

    def decide(self, outcome: str) -> None:
        """The join is decided: those still running are cancelled or zombies."""
        self.outcome = outcome
        for branch in self.branches:
            if not branch.ended:
                branch.zombie = True
                if self.step.cancel:
                    branch.stop("cancelled")
        self.done.succeed()
