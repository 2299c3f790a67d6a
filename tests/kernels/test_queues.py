"""A queue with consumers against a list."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from alone import INTERPRETED, Bench, linked, of
from hypothesis import given, settings
from hypothesis import strategies as st

from sfkernels.queues import append, settle_batch, take_batch
from sfkernels.records import QUEUE

pytestmark = pytest.mark.interpreted

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["publish", "publish", "take", "end"]), st.integers(0, 3), st.sampled_from([0, 0, 0.125, 1])
    ),
    max_size=25 if INTERPRETED else 100,
)


@settings(max_examples=15 if INTERPRETED else 300, deadline=None, derandomize=True)
@given(
    STEPS, st.integers(1, 3), st.sampled_from([0, 2, 5, 1000]), st.booleans(), st.booleans(), st.sampled_from([0, 0.5]),
    st.integers(1, 2),
)  # fmt: skip
def test_a_queue_does_as_a_list(
    steps: list, batch: int, limit: int, drops: bool, by_priority: bool, linger: float, consumers: int
) -> None:
    bench = Bench(
        size=256, queues=of(QUEUE, batch=batch, limit=limit, drop_oldest=drops, priority=by_priority, linger=linger,
                            consumers=consumers, **{f"{end}{n}": -1 for end in ("head", "tail") for n in range(4)}),
    )  # fmt: skip
    waiting: list[tuple[float, int, int]] = []  # (published, priority, number)
    busy: deque[tuple[int, list[tuple[float, int, int]]]] = deque()
    published = dropped = rejected = delivered = failed = 0
    length = delay = 0.0
    for number, (verb, priority, wait) in enumerate(steps):
        bench.now += wait
        length += wait * len(waiting)
        now = bench.now
        if verb == "publish":
            full = len(waiting) >= limit
            accepted = not full or (drops and limit > 0)
            assert (
                bool(bench.call(append, q=0, user=np.uint32(number), item=np.uint32(0), priority=priority)) == accepted
            )
            if full and accepted:
                waiting.remove(min(waiting, key=lambda message: (message[0], message[2])))
                dropped += 1
            rejected += not accepted
            if accepted:
                published += 1
                waiting.append((now, priority, number))
        elif verb == "take":
            first, n = bench.call(take_batch, q=0)
            due = bool(waiting) and (len(waiting) >= batch or min(m[0] for m in waiting) + linger <= now)
            if not due or len(busy) >= consumers:
                assert (first, n) == (-1, 0)
                continue
            order = sorted(waiting, key=lambda message: message[1]) if by_priority else list(waiting)
            taken = order[:batch]
            assert [int(bench.messages["user"][g]) for g in linked(bench.messages, first)] == [m[2] for m in taken]
            assert n == len(taken)
            waiting = [message for message in waiting if message not in taken]
            busy.append((int(first), taken))
        elif busy:
            first, taken = busy.popleft()
            good = priority > 0
            bench.call(settle_batch, q=0, first=first, delivered=good)
            delivered, failed = delivered + good * len(taken), failed + (not good) * len(taken)
            delay += good * sum(now - message[0] for message in taken)
        q = bench.queues[0]
        counts = (q["published"], q["dropped"], q["rejected"], q["delivered"], q["failed"], q["waiting"], q["busy"])
        assert counts == (published, dropped, rejected, delivered, failed, len(waiting), len(busy))
        assert q["delay"] == pytest.approx(delay)
        in_use = len(waiting) + sum(len(taken) for _, taken in busy)
        assert bench.clock["messages_left"][0] == 256 - in_use


def test_messages_of_the_same_moment_are_dropped_in_order_of_publishing() -> None:
    # priority 0 and 3 at the same time, 3 first: the first published goes
    bench = Bench(size=8, queues=of(QUEUE, batch=1, limit=2, drop_oldest=True, priority=True, consumers=1,
                                    **{f"{end}{n}": -1 for end in ("head", "tail") for n in range(4)}))  # fmt: skip
    for number, priority in enumerate((3, 0, 1)):
        bench.call(append, q=0, user=np.uint32(number), item=np.uint32(0), priority=priority)
    assert bench.queues["dropped"][0] == 1
    first, _ = bench.call(take_batch, q=0)
    assert bench.messages["user"][first] == 1
    assert bench.messages["user"][bench.queues["head1"][0]] == 2
