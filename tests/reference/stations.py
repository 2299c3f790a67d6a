"""Stations: servers and their queue (section 3)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from sfmodel.schema.stations import Station as Config
from sfmodel.schema.steps import SlowedByStation, Use

from .clock import TASK, TIMER, Script
from .codel import CoDel
from .shedding import Shedding

if TYPE_CHECKING:
    from .balancers import Replica
    from .tasks import Task


class Ticket:
    """One task at one station: waiting, then serving, then gone."""

    def __init__(self, task: Task, use: Callable[[], Use] | None = None) -> None:
        self.task = task
        self.use = use
        self.event = task.world.clock.event()
        self.state = "new"
        self.outcome = "ok"
        self.cut = False
        self.since = task.world.clock.now


class Station:
    """The servers of one replica."""

    def __init__(self, replica: Replica, name: str) -> None:
        self.replica, self.name = replica, name
        self.world = replica.world
        self.key = f"{replica.service.name}.{name}"
        if replica.service.config.replicas > 1:
            self.key += f"#{replica.index}"
        self.queue: list[Ticket] = []
        self.in_service = 0
        self.servers = self.configured_servers()
        self.accounted = self.world.clock.now
        self.busy_area = 0.0
        self.server_area = 0.0
        self.queue_area = 0.0
        self.shedding = Shedding(self)
        self.codel = CoDel()
        self.waited = 0.0
        self.counted: Counter[str] = Counter()

    @property
    def config(self) -> Config:
        """As it is now."""
        return self.replica.service.config.stations[self.name]

    def configured_servers(self) -> float:
        """Infinite where unlimited."""
        return math.inf if self.config.servers == "unlimited" else self.config.servers

    def count(self, what: str) -> None:
        """Count something of this station."""
        self.counted[what] += 1
        self.world.record.add(f"station_{what}", self.key)

    # --- coming and going

    def enter(self, ticket: Ticket) -> None:
        """Start at once, wait, or be rejected."""
        self.count("arrivals")
        limit = self.config.queue
        if self.config.shedding is not None and self.shedding.refuses(ticket.task):
            ticket.state, ticket.outcome = "gone", "rejected"
            self.count("rejected")
        elif self.is_free() and not self.queue:
            self.sloughs(0.0)
            self.start(ticket)
        elif limit is None or len(self.queue) < limit:
            self.wait(ticket)
        else:
            ticket.state, ticket.outcome = "gone", "rejected"
            self.count("rejected")

    def until_granted(self, ticket: Ticket) -> Script:
        """Enter; return when a hold is granted, a use has ended, or it failed."""
        self.enter(ticket)
        if ticket.state == "waiting" or (ticket.state == "serving" and ticket.use is not None):
            yield ticket.event
        return ticket.outcome

    def wait(self, ticket: Ticket) -> None:
        """Join the queue."""
        self.account()
        ticket.state, ticket.since = "waiting", self.world.clock.now
        self.queue.append(ticket)
        self.world.record.highest("station_queue_max", self.key, self.world.clock.now, len(self.queue))
        if self.config.patience is not None:
            patience = self.world.chance.duration(self.config.patience)
            self.world.clock.after(patience, (TIMER,), lambda: self.lose_patience(ticket))

    def lose_patience(self, ticket: Ticket) -> None:
        """Leave the queue as expired, if still in it."""
        if ticket.state == "waiting":
            self.account()
            self.queue.remove(ticket)
            self.expire(ticket)

    def expire(self, ticket: Ticket) -> None:
        """End the wait without service."""
        ticket.state, ticket.outcome = "gone", "expired"
        self.count("expired")
        ticket.event.succeed()

    def leave(self, ticket: Ticket) -> None:
        """Leave the queue, or free the server; nothing if already gone."""
        state, ticket.state = ticket.state, "gone"
        if state == "waiting":
            self.account()
            self.queue.remove(ticket)
            self.count("left")
        elif state == "serving":
            self.account()
            self.count("ends")
            self.in_service -= 1
            self.serve()

    def cut_short(self, ticket: Ticket) -> None:
        """What has been done so far is wasted."""
        ticket.cut = True
        self.waste(ticket)

    def waste(self, ticket: Ticket) -> None:
        """The time in service was for nothing."""
        self.world.record.add("station_wasted", self.key, self.world.clock.now - ticket.since)

    # --- service

    def is_free(self) -> bool:
        """Whether one more may be served."""
        burnt = self.config.waiting_cost * self.replica.waiters
        return self.in_service + 1 + burnt <= self.servers or (self.in_service == 0 and self.servers >= 1)

    def serve(self) -> None:
        """Serve those who wait, in order, as many as fit."""
        while self.queue and self.is_free():
            self.account()
            ticket = self.next()
            self.queue.remove(ticket)
            deadline = ticket.task.deadline
            if self.config.drop_expired and deadline is not None and deadline <= self.world.clock.now:
                self.expire(ticket)
            elif self.sloughs(self.world.clock.now - ticket.since):
                ticket.state, ticket.outcome = "gone", "rejected"
                self.count("rejected")
                ticket.event.succeed()
            else:
                self.world.record.add("station_wait", self.key, self.world.clock.now - ticket.since)
                self.waited += self.world.clock.now - ticket.since
                self.start(ticket)

    def sloughs(self, waited: float) -> bool:
        """Whether CoDel turns away who has waited so long."""
        config = self.config.codel
        return config is not None and self.codel.refuses(config, waited, self.world.clock.now)

    def next(self) -> Ticket:
        """Whose turn it is."""
        if self.config.order == "lifo":
            return self.queue[-1]
        if self.config.order == "priority":
            return min(self.queue, key=lambda ticket: ticket.task.priority)
        return self.queue[0]

    def start(self, ticket: Ticket) -> None:
        """Occupy a server: a hold is granted, a use gets its end."""
        self.account()
        was_waiting = ticket.state == "waiting"
        ticket.state, ticket.since = "serving", self.world.clock.now
        self.in_service += 1
        self.count("starts")
        if ticket.use is not None:
            self.world.clock.after(self.service_time(ticket), (TASK,), lambda: self.end(ticket))
        elif was_waiting:
            ticket.event.succeed()

    def end(self, ticket: Ticket) -> None:
        """The server is freed, those who wait are served, then the task goes on."""
        if ticket.state == "serving" and not ticket.cut:
            if ticket.task.zombie:
                self.waste(ticket)
            self.leave(ticket)
            ticket.event.succeed()

    def service_time(self, ticket: Ticket) -> float:
        """D × f / speed."""
        use = ticket.use()
        drawn = self.world.chance.duration(use.time) + use.per_message * ticket.task.batch
        n = self.in_service
        contention = self.config.contention
        factor = 1 + contention.serial * (n - 1) + contention.crosstalk * n * (n - 1)
        for slow in use.slowed_by:
            if isinstance(slow, SlowedByStation):
                factor *= 1 + slow.each * self.replica.stations[slow.station].in_service
            else:
                factor *= (self.world.counters[slow.counter] / slow.reference) ** slow.exponent
        return drawn * factor / (self.config.speed * self.replica.speed())

    # --- changes and measures

    def set_servers(self, servers: float) -> None:
        """More or fewer servers; those who wait are served."""
        self.account()
        self.servers = servers
        self.serve()

    def busy(self) -> float:
        """Busy servers at this moment."""
        burnt = self.config.waiting_cost * self.replica.waiters
        return min(max(self.servers, self.in_service), self.in_service + burnt)

    def account(self) -> None:
        """Integrate up to now what stood since the last change."""
        record, since, now = self.world.record, self.accounted, self.world.clock.now
        if now > since:
            record.integral("station_busy", self.key, since, self.busy())
            record.integral("station_queue", self.key, since, len(self.queue))
            record.highest("station_queue_max", self.key, since, len(self.queue))
            self.busy_area += self.busy() * (now - since)
            self.server_area += self.servers * (now - since)
            self.queue_area += len(self.queue) * (now - since)
            self.accounted = now
