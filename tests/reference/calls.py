"""Calls: attempts, timeouts, retries, hedges, cancelling (section 4)."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sfmodel.schema.steps import Call, Send

from .breakers import Breaker, Permission
from .clock import TASK, TIMER, Script
from .retries import Budget, delay
from .tasks import About, Place, Task, count_turned_away
from .throttles import Throttle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .balancers import Replica
    from .world import World

Options = Callable[[], Call]


class Site:
    """The place of a call in a script, with its breaker and its budget."""

    def __init__(self, world: World, key: str, place: Place) -> None:
        self.world, self.key, self.place = world, key, place
        self.breaker = Breaker(world.clock)
        self.throttle = Throttle(world.clock, world.chance)
        self.budget = Budget(world.clock)

    def ask(self) -> Permission | None:
        """Leave of throttle and breaker, as they are now, to send."""
        if self.throttle.refuses(self.world.throttle_at(self.world.platform, self.place)):
            return None
        return self.breaker.ask(self.world.breaker_at(self.world.platform, self.place))

    def end(self, outcome: str) -> None:
        """The throttle, as it is now, learns how an attempt ended."""
        self.throttle.record(self.world.throttle_at(self.world.platform, self.place), outcome)

    def record(self, permission: Permission, outcome: str, took: float) -> None:
        """The breaker, as it is now, learns how an attempt ended, and how long after it began."""
        self.breaker.record(self.world.breaker_at(self.world.platform, self.place), permission, outcome, took)


def call(task: Task, place: Place, options: Options | None = None, balancing_key: int | None = None) -> Script:
    """All attempts of one call; returns its outcome. `options` are the step's own unless given."""
    world = task.world
    options = options or (lambda: world.find(place))
    now = world.clock.now
    if task.deadline is not None and now >= task.deadline:
        return "expired"
    bound = options().deadline
    ends_at = math.inf if task.deadline is None else task.deadline
    if bound is not None:
        ends_at = min(ends_at, now + bound)
    key = task.user if balancing_key is None else balancing_key
    with waiting(task):
        return (yield from attempts(task, world.sites[place], options, ends_at, key))


def call_each(task: Task, place: Place, step: Call, key: int | None, replicas: list[Replica]) -> Script:
    """One attempt to every replica at once; wait for all, whatever their outcomes."""
    if task.deadline is not None and task.world.clock.now >= task.deadline:
        return
    ends_at = math.inf if task.deadline is None else task.deadline
    site = task.world.sites[place]
    with waiting(task):
        every = [Attempt(task, site, step, ends_at, key, replica) for replica in replicas]
        try:
            for attempt in every:
                attempt.start()
            for attempt in every:
                if attempt.must_wait:
                    yield attempt.done
        finally:
            for attempt in every:
                if attempt.outcome is None:
                    attempt.settle("cancelled")


@contextmanager
def waiting(task: Task) -> Iterator[None]:
    """While it waits for a call or a fork, a task that holds a station burns its waiting cost."""
    counted = task.held > 0
    if counted:
        task.replica.add_waiters(1)
    try:
        yield
    finally:
        if counted:
            task.let_go(lambda: task.replica.add_waiters(-1))


def attempts(task: Task, site: Site, options: Options, ends_at: float, key: int | None) -> Script:
    """The first attempt and its retries."""
    world = task.world
    number, pause = 1, None
    while True:
        step = options()
        if number == 1:
            site.budget.first_attempt(step.retries.budget if step.retries else None)
        outcome = yield from one_attempt(task, site, step, ends_at, key)
        retries = options().retries
        if retries is None or outcome not in retries.on or number >= retries.attempts:
            return outcome
        pause = delay(retries, number, retries.base if pause is None else pause, world.chance)
        if world.clock.now + pause >= ends_at or not site.budget.allows_retry(retries.budget):
            return outcome
        if pause > 0:
            yield world.clock.after(pause, (TASK,))
        number += 1
        world.record.add("call_retries", site.key)


def one_attempt(task: Task, site: Site, step: Call, ends_at: float, key: int | None) -> Script:
    """One attempt; if the caller is stopped meanwhile, its requests are given up."""
    attempt = Attempt(task, site, step, ends_at, key)
    try:
        attempt.start()
        if attempt.must_wait:
            yield attempt.done
        return attempt.outcome
    finally:
        if attempt.outcome is None:
            attempt.settle("cancelled")


class Attempt:
    """A request, perhaps a second beside it, under one timeout."""

    def __init__(
        self, task: Task, site: Site, step: Call, ends_at: float, key: int | None, replica: Replica | None = None
    ) -> None:
        self.task, self.site, self.step, self.key, self.replica = task, site, step, key, replica
        self.world = task.world
        self.timer_at = min(ends_at, math.inf if step.timeout is None else self.world.clock.now + step.timeout)
        self.done = self.world.clock.event()
        self.outcome: str | None = None
        self.requests: list[Request] = []

    def start(self) -> None:
        """Send the first request, set the timers."""
        clock = self.world.clock
        self.world.record.add("call_attempts", self.site.key)
        if not self.send():
            self.count("open")
            self.world.record.add("call_open", self.site.key)
            self.settle("open")
        if self.outcome is None and self.timer_at < math.inf:
            clock.at(self.timer_at, (TIMER,), self.time_out)
        if self.outcome is None and self.step.hedge is not None:
            clock.after(self.step.hedge.after, (TIMER,), self.hedge)

    @property
    def must_wait(self) -> bool:
        """Whether a reply is awaited, or has come just now; a refusal by breaker or balancer is known at once."""
        return self.outcome is None or any(request.replica is not None for request in self.requests)

    def send(self) -> bool:
        """Ask the breaker and send; False if it refuses."""
        permission = self.site.ask()
        if permission is None:
            return False
        request = Request(self, permission)
        self.requests.append(request)
        request.go()
        return True

    def count(self, outcome: str) -> None:
        """Count the outcome of one request."""
        self.world.record.add("call_outcomes", (self.site.key, outcome))

    def hedge(self) -> None:
        """A second request beside the first, counted as an attempt of its own."""
        if self.outcome is None and self.send():
            self.world.record.add("call_hedges", self.site.key)
            self.world.record.add("call_attempts", self.site.key)

    def time_out(self) -> None:
        """No reply in the attempt's time, or in that of its task."""
        if self.outcome is None:
            deadline = self.task.deadline
            self.settle("expired" if deadline is not None and self.world.clock.now >= deadline else "timeout")

    def reply(self, request: Request, outcome: str) -> None:
        """The first `ok` wins; a failure counts when no other request is pending."""
        if self.outcome is not None:
            return
        request.answered = True
        self.count(outcome)
        request.note_time()
        self.site.record(request.permission, outcome, request.took)
        self.site.end(outcome)
        if outcome == "ok" or all(other.answered for other in self.requests):
            self.settle(outcome)

    def settle(self, outcome: str) -> None:
        """The attempt has its outcome: give up what is pending, make the caller ready."""
        self.outcome = outcome
        for request in self.requests:
            if not request.answered:
                given_up = outcome if outcome in ("timeout", "expired") else "cancelled"
                self.count(given_up)
                request.note_time()
                if given_up == "timeout":
                    self.world.record.add("call_timeouts", self.site.key)
                    self.site.end(given_up)
                self.site.record(request.permission, given_up, request.took)
                request.give_up(self.step.cancel)
        self.done.succeed()


class Request:
    """One message to a replica and its reply."""

    def __init__(self, attempt: Attempt, permission: Permission) -> None:
        self.attempt, self.permission = attempt, permission
        self.world = attempt.world
        self.began = self.world.clock.now
        self.answered = self.cancelled = False
        self.zombie = attempt.task.zombie
        self.callee: Task | None = None
        network = attempt.step.network
        self.network = self.world.platform.network if network is None else network

    @property
    def took(self) -> float:
        """Time since it began."""
        return self.world.clock.now - self.began

    def note_time(self) -> None:
        """It has ended, as its caller sees it."""
        self.world.record.add("call_time", self.attempt.site.key, self.took)

    def go(self) -> None:
        """Choose a replica and travel there."""
        service, self.endpoint = self.attempt.step.call.split(".")
        self.service = self.world.services[service]
        self.replica = self.attempt.replica or self.service.choose(self.attempt.key)
        if self.replica is None:
            self.attempt.reply(self, "unavailable")
        else:
            travel(self.world, self.network, self.arrive)

    def about(self) -> About:
        """Whom and what the callee is about."""
        task, step = self.attempt.task, self.attempt.step
        deadline = self.attempt.timer_at if step.propagate and self.attempt.timer_at < math.inf else None
        priority = task.priority if step.priority is None else step.priority
        return replace(task.about, priority=priority, batch=1, deadline=deadline)

    def arrive(self) -> None:
        """Begin at the endpoint, unless it was cancelled or the replica is down."""
        key = f"{self.service.name}.{self.endpoint}"
        if self.cancelled:
            count_turned_away(self.world, key, "cancelled", wasted=True)
        elif not self.replica.accepts():
            count_turned_away(self.world, key, "unavailable", wasted=self.zombie)
            self.answer("unavailable")
        else:
            place = Place(self.service.name, self.endpoint)
            self.callee = Task(self.replica, place, self.about(), self.answer, zombie=self.zombie)

    def answer(self, outcome: str) -> None:
        """The reply travels back."""
        travel(self.world, self.network, lambda: self.attempt.reply(self, outcome))

    def give_up(self, cancel: bool) -> None:
        """Cancel the callee, or let it go on as a zombie."""
        self.zombie = True
        if self.callee is not None:
            self.callee.zombie = True
        if cancel:
            self.cancelled = True
            if self.callee is not None:
                self.callee.stop("cancelled")


def travel(world: World, network: float, action: Callable[[], Any]) -> None:
    """Over the network; 0 costs no event."""
    if network > 0:
        world.clock.after(network, (TASK,), action)
    else:
        action()


def send(task: Task, place: Place, step: Send) -> None:
    """Call and do not wait; of its outcomes only `unavailable`, for want of a replica, is known."""
    world, site = task.world, task.world.sites[place]
    world.record.add("call_attempts", site.key)
    service_name, endpoint = step.send.split(".")
    replica = world.services[service_name].choose(task.user)
    if replica is None:
        world.record.add("call_outcomes", (site.key, "unavailable"))
        return
    priority = task.priority if step.priority is None else step.priority
    about = replace(task.about, priority=priority, batch=1, deadline=None)
    network = world.platform.network if step.network is None else step.network
    zombie = task.zombie
    travel(world, network, lambda: start_root(replica, Place(service_name, endpoint), about, zombie=zombie))


def nobody(outcome: str) -> None:
    """Waits for no reply."""


def start_root(
    replica: Replica, place: Place, about: About, on_end: Callable[[str], None] = nobody, *, zombie: bool = False
) -> None:
    """Start a task whose end no caller waits for, or count it where the replica is down."""
    if replica.accepts():
        Task(replica, place, about, on_end, zombie=zombie)
    else:
        count_turned_away(replica.world, f"{place.service}.{place.endpoint}", "unavailable", wasted=zombie)
        on_end("unavailable")
