"""Timeouts of attempts: they come exactly when and in the order they would with an event each."""

from __future__ import annotations

import random

import numpy as np
import pytest
from alone import Bench, fewer

from sfkernels.timeouts import has_timed_out, set_timeout

pytestmark = pytest.mark.interpreted


def begin(bench: Bench, i: int, time: float) -> None:
    """Task i begins an attempt that is over at `time`."""
    bench.tasks["call_gen"][i] += 1
    bench.call(set_timeout, i=i, time=time)


def end(bench: Bench, i: int) -> None:
    """The attempt of task i has an answer."""
    bench.tasks["call_gen"][i] += 1


def timed_out(bench: Bench, until: float) -> list[tuple[float, int]]:
    """Timeouts before a time that come while their attempt is under way."""
    found = []
    while True:
        event = bench.next_event(until)
        if event is None:
            return found
        time, i, gen, order = event
        bench.now = time
        if bench.call(has_timed_out, i=i, gen=np.uint32(gen), order=np.uint64(order)):
            found.append((time, i))


def test_an_answer_voids_the_timeout() -> None:
    bench = Bench()
    begin(bench, 3, 1.0)
    end(bench, 3)
    assert timed_out(bench, 5.0) == []
    assert bench.clock["nodes_left"][0] == len(bench.nodes)


def test_a_later_timeout_waits_for_its_time() -> None:
    bench = Bench()
    begin(bench, 3, 1.0)
    end(bench, 3)
    begin(bench, 3, 2.5)
    assert timed_out(bench, 2.4) == []
    assert timed_out(bench, 5.0) == [(2.5, 3)]


def test_an_earlier_timeout_does_not_wait_for_the_pending_event() -> None:
    bench = Bench()
    begin(bench, 3, 30.0)
    end(bench, 3)
    begin(bench, 3, 1.0)
    assert timed_out(bench, 5.0) == [(1.0, 3)]
    begin(bench, 3, 40.0)
    assert timed_out(bench, 50.0) == [(40.0, 3)]
    assert bench.clock["nodes_left"][0] == len(bench.nodes)


def test_timeouts_at_the_same_time_come_in_the_order_of_their_attempts() -> None:
    bench = Bench()
    for i in (5, 2, 9):
        begin(bench, i, 1.0)
    end(bench, 5)
    begin(bench, 5, 2.0)
    for i in (7, 9):
        end(bench, i)
        begin(bench, i, 2.0)
    assert timed_out(bench, 9.0) == [(1.0, 2), (2.0, 5), (2.0, 7), (2.0, 9)]


@pytest.mark.parametrize("seed", range(4))
def test_as_with_an_event_each(seed: int) -> None:
    # attempts begin and end at random in few slots; what times out is known beforehand
    chance = random.Random(seed)
    bench = Bench(0.01)
    busy: dict[int, float] = {}
    expected: list[tuple[float, int, int]] = []
    found: list[tuple[float, int]] = []
    for number in range(fewer(2000, 200)):
        now = number / 16
        found += timed_out(bench, now)
        for i in [i for i, time in busy.items() if time <= now]:
            del busy[i]
        bench.now = now
        i = chance.randrange(8)
        if i in busy:
            end(bench, i)
            expected = [one for one in expected if one[2] != i or one[0] <= now]
        busy[i] = now + chance.choice([0.125, 0.5, 0.5, 1.0, 30.0])
        begin(bench, i, busy[i])
        expected.append((busy[i], number, i))
    found += timed_out(bench, 200.0)
    assert found == [(time, i) for time, _, i in sorted(expected)]
    assert len(found) > fewer(100, 10)
    assert bench.clock["nodes_left"][0] == len(bench.nodes)
