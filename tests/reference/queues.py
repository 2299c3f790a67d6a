"""Queues with consumers (section 8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfmodel.schema.queues import Queue as Config

from .calls import start_root
from .clock import READY, TIMER
from .tasks import About, Place

if TYPE_CHECKING:
    from .balancers import Service
    from .tasks import Task


@dataclass(frozen=True, eq=False)
class Message:
    """What was published, and when."""

    user: int | None
    item: int | None
    topic: int | None
    priority: int
    published: float


def find(task: Task, name: str) -> Queue:
    """The queue of `service.queue`, or of the task's own service."""
    service, _, queue = name.rpartition(".")
    return task.world.services[service or task.replica.service.name].queues[queue]


class Queue:
    """Messages that wait, and consumers that take them."""

    def __init__(self, service: Service, name: str) -> None:
        self.service, self.name = service, name
        self.world = service.world
        self.key = f"{service.name}.{name}"
        self.messages: list[Message] = []
        self.working = 0
        self.lingers_until: float | None = None

    @property
    def config(self) -> Config:
        """As it is now."""
        return self.service.config.queues[self.name]

    def publish(self, task: Task, priority: int | None) -> str:
        """Append a message; a full queue rejects it or drops its oldest."""
        record = self.world.record
        if self.config.limit is not None and len(self.messages) >= self.config.limit:
            if self.config.when_full == "reject" or not self.messages:
                record.add("queue_rejected", self.key)
                return "rejected"
            record.add("queue_dropped", self.key)
            self.messages.pop(0)
        priority = task.priority if priority is None else priority
        self.messages.append(Message(task.user, task.item, task.topic, priority, self.world.clock.now))
        record.add("queue_published", self.key)
        self.dispatch()
        return "ok"

    def is_due(self) -> bool:
        """A full batch waits, or the oldest message has lingered."""
        if not self.messages:
            return False
        return len(self.messages) >= self.config.batch or self.lingered_at() <= self.world.clock.now

    def lingered_at(self) -> float:
        """When the oldest message has lingered."""
        return self.messages[0].published + self.config.linger

    def dispatch(self) -> None:
        """Free consumers take batches."""
        while self.working < self.config.consumers and self.is_due():
            self.working += 1
            self.handle(self.take())
        if self.working < self.config.consumers and self.messages and self.lingers_until != self.lingered_at():
            self.lingers_until = self.lingered_at()
            self.world.clock.at(self.lingers_until, (TIMER,), self.dispatch)

    def take(self) -> list[Message]:
        """The next batch, in order."""
        in_order = self.messages
        if self.config.order == "priority":
            in_order = sorted(self.messages, key=lambda message: message.priority)
        batch = in_order[: self.config.batch]
        self.messages = [message for message in self.messages if message not in batch]
        return batch

    def handle(self, batch: list[Message]) -> None:
        """Run the handler once for the batch."""
        self.world.record.add("queue_batches", self.key)
        first = batch[0]
        about = About(first.user, first.item, first.topic, first.priority, batch=len(batch))
        replica = self.service.choose(first.user)
        place = Place(self.service.name, self.config.handler.rpartition(".")[2])
        if replica is not None and replica.accepts():
            start_root(replica, place, about, lambda outcome: self.end(batch, outcome))
        else:
            if replica is not None:
                start_root(replica, place, about)
            self.world.clock.at(self.world.clock.now, (READY,), lambda: self.end(batch, "unavailable"))

    def end(self, batch: list[Message], outcome: str) -> None:
        """Delivered or failed; then the consumer is free."""
        now = self.world.clock.now
        if outcome == "ok":
            self.world.record.add("queue_delivered", self.key, len(batch))
            self.world.record.add("queue_delay", self.key, sum(now - message.published for message in batch))
        else:
            self.world.record.add("queue_failed", self.key, len(batch))
        self.working -= 1
        self.dispatch()
