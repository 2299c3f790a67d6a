"""The calendar against sorting."""

from __future__ import annotations

import random

import numpy as np
import pytest
from alone import Bench, fewer

from sfkernels import names
from sfkernels.calendar import placed, schedule, schedule_task, schedule_timer

pytestmark = pytest.mark.interpreted


@pytest.mark.parametrize("tick", [0.0001, 0.001, 0.02, 1.0])
def test_events_come_in_order_whatever_the_tick(tick: float) -> None:
    # many at the same time; times in the open bucket, in this rotation, in later ones; from every class
    chance = random.Random(int(tick * 1e4))
    count = fewer(3000, 100)
    horizon = min(2.2 * names.NB * tick, 200.0) if fewer(1, 0) else 300 * tick
    bench = Bench(tick)
    expected = []
    for n in range(count):
        time = chance.choice([chance.random() * horizon, round(chance.random() * 40) * horizon / 40])
        class_ = chance.choice([names.CLASS_TASK, names.CLASS_TIMER, names.CLASS_SOURCE])
        if class_ == names.CLASS_SOURCE:
            place = chance.randrange(2**40)
            bench.call(schedule, time=time, order=bench_order(bench, place), task=n, gen=np.uint32(0))
            expected.append((time, class_, place, n))
        else:
            how = {names.CLASS_TASK: schedule_task, names.CLASS_TIMER: schedule_timer}[class_]
            bench.call(how, time=time, task=n, gen=np.uint32(0), kind=names.TIMER_HEDGE)
            expected.append((time, class_, n, n))
    found = [task for _, task, _ in bench.events(horizon + 2 * tick)]
    assert found == [n for *_, n in sorted(expected)]
    assert bench.clock["nodes_left"][0] == len(bench.nodes)


def bench_order(bench: Bench, place: int) -> np.uint64:
    return np.uint64(bench.call(placed, class_=names.CLASS_SOURCE, place=np.uint64(place), kind=0))


def test_events_scheduled_meanwhile_find_their_place() -> None:
    # each event schedules another, between now and half a second later, now and then at once
    chance = random.Random(7)
    bench = Bench(0.01)
    times = {n: chance.random() for n in range(20)}
    for n, time in times.items():
        bench.call(schedule_task, time=time, task=n, gen=np.uint32(0))
    found: list[tuple[float, int]] = []
    number = len(times)
    for step in range(fewer(60, 15)):
        for time, task, _ in bench.events(0.05 * step):
            found.append((time, task))
            later = max(time, 0.05 * step) + chance.choice([0, chance.random() / 2])
            bench.call(schedule_task, time=later, task=number, gen=np.uint32(0))
            times[number] = later
            number += 1
    assert [times[task] for _, task in found] == [time for time, _ in found]
    assert len(found) > 20
    assert len(set(found)) == len(found)
    assert bench.clock["nodes_left"][0] == len(bench.nodes) - (number - len(found))
