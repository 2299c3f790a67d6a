"""Tasks: one execution of an endpoint's script (section 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .clock import Script, Stoppable

if TYPE_CHECKING:
    from .balancers import Replica
    from .caches import Cache
    from .world import World


class TaskEnds(Exception):
    """The task ends with an outcome: by `return`, by a failure, or because it is stopped."""

    @property
    def outcome(self) -> str:
        """The outcome."""
        return self.args[0]


@dataclass(frozen=True)
class About:
    """Whom and what a task is about."""

    user: int | None = None
    item: int | None = None
    topic: int | None = None
    priority: int = 0
    batch: int = 1
    deadline: float | None = None


@dataclass(frozen=True)
class Place:
    """A place in a script: service, endpoint, and the way from the endpoint to a step or a list of steps."""

    service: str
    endpoint: str
    path: tuple[int | str, ...] = ()

    def below(self, *further: int | str) -> Place:
        """A place further down."""
        return Place(self.service, self.endpoint, self.path + further)


class Task:
    """A script that runs in a replica, from its arrival to its outcome."""

    def __init__(
        self, replica: Replica, place: Place, about: About, on_end: Callable[[str], None], *,
        branch: bool = False, zombie: bool = False,
    ) -> None:  # fmt: skip
        self.replica, self.place, self.about, self.on_end = replica, place, about, on_end
        self.world: World = replica.world
        self.branch, self.zombie = branch, zombie
        self.priority, self.deadline, self.batch = about.priority, about.deadline, about.batch
        self.user, self.item, self.topic = about.user, about.item, about.topic
        self.key = f"{place.service}.{place.endpoint}"
        self.arrived = self.world.clock.now
        self.held = 0
        self.leads: list[tuple[Cache, int | None]] = []
        self.begun = self.stopped = self.ended = False
        self.kept: list[Callable[[], None]] = []
        replica.tasks.append(self)
        if not branch:
            self.world.record.add("endpoint_arrivals", self.key)
            self.world.in_flight[self.key] += 1
        self.process = Stoppable(self.world.clock, self.life())

    def life(self) -> Script:
        """The script, then its end."""
        from . import steps

        if self.stopped:
            return
        self.begun = True
        try:
            yield from steps.run_whole(self)
            outcome = "ok"
        except TaskEnds as end:
            outcome = end.outcome
        if not self.stopped:
            self.finish(outcome)

    def stop(self, outcome: str) -> None:
        """It leaves its queue or its server now, and ends with the ready tasks."""
        if self.stopped or self.ended:
            return
        self.stopped = True
        self.process.when_ready(lambda: self.finish(outcome))
        if self.begun:
            self.process.stop(TaskEnds(outcome))

    def let_go(self, release: Callable[[], None]) -> None:
        """Release now, or, if it is stopped, when it ends."""
        if self.stopped:
            self.kept.append(release)
        else:
            release()

    def finish(self, outcome: str) -> None:
        """Release what it kept, count, hand over what it leads, reply."""
        self.ended = True
        for release in self.kept:
            release()
        self.replica.tasks.remove(self)
        if not self.branch:
            self.world.in_flight[self.key] -= 1
            count_end(self.world, self.key, outcome, self.world.clock.now - self.arrived)
            if self.zombie:
                self.world.record.add("endpoint_wasted", self.key)
        for cache, key in list(self.leads):
            cache.leader_gives_up(self, key)
        self.on_end(outcome)


def count_end(world: World, key: str, outcome: str, duration: float) -> None:
    """Count the end of a task."""
    world.record.add("endpoint_outcomes", (key, outcome))
    world.record.add("endpoint_time", key, duration)
    if outcome == "ok":
        world.record.add("endpoint_time_ok", key, duration)


def count_turned_away(world: World, key: str, outcome: str, *, wasted: bool) -> None:
    """Count a request that arrives and ends at once: cancelled on its way, or at a dead replica."""
    world.record.add("endpoint_arrivals", key)
    count_end(world, key, outcome, 0.0)
    if wasted:
        world.record.add("endpoint_wasted", key)
