"""Queues with consumers: Kafka topics, RabbitMQ queues, batch jobs."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sfmodel.schema.base import Word
from sfmodel.schema.quantities import Count, Duration


class Queue(Word):
    """Messages wait here until a consumer takes them."""

    handler: str
    """Endpoint of this service that handles a batch."""
    consumers: Count = 1
    """How many batches are handled at a time."""
    limit: Count | None = None
    """Most messages that may wait; none: no limit."""
    when_full: Literal["reject", "drop_oldest"] = "reject"
    """What happens at the limit."""
    batch: Count = Field(1, ge=1)
    """Messages handled together."""
    linger: Duration = 0.0
    """A smaller batch is taken when its oldest message has waited so long."""
    order: Literal["fifo", "priority"] = "fifo"
    """Which message is next."""
