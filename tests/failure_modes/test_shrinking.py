"""Triggers are shrunk to what theory says is enough."""

from __future__ import annotations

import math

import pytest

from failure_modes.planted import answered, chain, trials
from sfmodel.failure_modes.places import places_of
from sfmodel.failure_modes.shrinking import NEAR, Shrinker
from sfmodel.failure_modes.trials import Trials
from sfmodel.failure_modes.triggers import Fault, FaultPlace, Scaled, Trigger
from sfmodel.running import checked


def place(config: dict, thing: str, how: str) -> FaultPlace:
    return next(one for one in places_of(checked(config)) if (one.thing, one.how) == (thing, how))


def last(shrinker: Shrinker, trigger: Trigger) -> Trigger:
    return [trigger, *shrinker.shrunk(trigger)][-1]


def shrunk(one: Trials, trigger: Trigger) -> Trigger:
    return last(Shrinker(one.breaks_always, one.setting.longest_s), trigger)


SPEED = Scaled("a.cpu", "slower", 6.0, ("services.a.stations.cpu.speed",), grows=False)
RATE = Scaled("web.quota", "lower limit", 6.0, ("services.web.limiters.quota.rate",), grows=False)


def area(fault: Fault) -> float:
    return fault.size * fault.seconds


def test_what_breaks_by_its_area_is_shrunk_to_that_area() -> None:
    """If doublings times seconds must be 60, the minimum costs 1, from wherever it begins."""
    tried = []

    def breaks(triggers: list[Trigger]) -> list[bool]:
        tried.extend(triggers)
        return [sum(map(area, one.faults)) >= 60 for one in triggers]

    for size, seconds in ((6.0, 600.0), (1.0, 600.0), (3.0, 25.0)):
        found = last(Shrinker(breaks, 600.0), Trigger((Fault.of(SPEED, size, seconds),)))
        assert 1.0 <= found.cost <= 1.0 / (1 - NEAR) * 1.02
    assert len(tried) == len(set(tried)) or len(tried) < 60


def test_a_fault_that_is_not_needed_is_left_out() -> None:
    def breaks(triggers: list[Trigger]) -> list[bool]:
        return [any(fault.place == RATE and fault.size >= 0.5 for fault in one.faults) for one in triggers]

    begin = Trigger((Fault.of(SPEED, 4.0, 300.0), Fault.of(RATE, 3.0, 300.0)))
    found = last(Shrinker(breaks, 600.0), begin)
    assert [fault.place for fault in found.faults] == [RATE]
    assert found.faults[0].seconds == 10.0
    assert 0.5 <= found.faults[0].size <= 0.5 / (1 - NEAR)


def test_what_always_breaks_is_shrunk_to_a_hundredth() -> None:
    """And not to nothing, which would take as many steps as a number has digits."""
    tried: list[Trigger] = []

    def breaks(triggers: list[Trigger]) -> list[bool]:
        tried.extend(triggers)
        return [True for _ in triggers]

    only = Shrinker(breaks, 600.0)
    (found,) = last(only, Trigger((Fault.of(RATE, 3.0, 600.0),))).faults
    assert found.seconds == 10.0
    assert 0.98 <= RATE.factor(found.size) <= 0.99
    assert only.is_minimal
    assert len(tried) < 30


def test_a_bisection_that_meets_what_cannot_be_judged_is_not_called_minimal() -> None:
    """From 2.1 on it breaks; between 2.8 and 3.2, where the bisection of 4.0 begins, nothing can be judged."""

    def breaks(triggers: list[Trigger]) -> list[bool | None]:
        sizes = [one.faults[0].size for one in triggers]
        return [None if 2.8 < size < 3.2 else size >= 2.1 for size in sizes]

    only = Shrinker(breaks, 10.0)
    assert last(only, Trigger((Fault.of(SPEED, 4.0, 10.0),))).faults[0].size == 4.0
    assert not only.is_minimal


def test_nothing_follows_from_a_trigger_that_cannot_be_judged() -> None:
    """The first that is tried; of all that is smaller it is known that it breaks."""
    tried: list[Trigger] = []

    def once(triggers: list[Trigger]) -> list[bool | None]:
        tried.extend(triggers)
        return [None if len(tried) == 1 else True for one in triggers]

    assert last(Shrinker(once, 600.0), Trigger((Fault.of(SPEED, 4.0, 600.0),))).cost < 1.0


def test_both_faults_stay_where_both_are_needed() -> None:
    def breaks(triggers: list[Trigger]) -> list[bool]:
        return [len(one.faults) == 2 and all(fault.size >= 1 for fault in one.faults) for one in triggers]

    found = last(Shrinker(breaks, 600.0), Trigger((Fault.of(SPEED, 4.0, 300.0), Fault.of(RATE, 3.0, 300.0))))
    assert [fault.place for fault in found.faults] == [SPEED, RATE]
    assert all(1 <= fault.size <= 1 / (1 - NEAR) for fault in found.faults)
    assert all(fault.seconds == 10 for fault in found.faults)


def test_a_quota_is_shrunk_to_the_cheapest_that_refuses_enough() -> None:
    """Requests come at equal distances, and a quota of 1.05 times as many lets f · 1.05 of them through where that is below 1.

    To refuse 1 % of five minutes' requests takes (1 − 1.05 f) · d = 3 s, at a cost of −log2 f · d; over f that is least at
    f = 0.68: 0.097 doubling minutes. A bisection stops within a tenth of size and duration, and steps of a half are kept where
    they are near: within a quarter.
    """
    config = chain({"a": 0.3}, quota=1.05)
    one = trials(config, answered(0.99))
    found = shrunk(one, Trigger((Fault.of(place(config, "web.quota", "lower limit"), 6.0, 150.0),)))
    factors = [k / 1000 for k in range(20, 950)]
    least = min(-math.log2(f) * 3 / (1 - 1.05 * f) for f in factors) / 60
    assert least == pytest.approx(0.097, abs=0.001)
    assert least * 0.98 <= found.cost <= least * 1.25


def test_of_servers_whole_ones_go() -> None:
    """Fixed times: eight of ten servers are busy. One that is gone changes no answer, two fill it; with three a queue grows."""
    config = chain({"a": 0.75}, fixed=True)
    one = trials(config, answered(0.9, "2 s"))
    found = shrunk(one, Trigger((Fault.of(place(config, "a.cpu", "fewer servers"), 10.0, 150.0),)))
    (event,) = found.events("0:01")
    assert event["set"]["services.a.stations.cpu.servers"] in range(8)  # 7.5 are needed
    assert found.cost < 1.0
