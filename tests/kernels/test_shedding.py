"""The admission level against DAGOR's rule, and who is turned away."""

from __future__ import annotations

import numpy as np
import pytest
from alone import Bench, fewer, of

from sfkernels import names
from sfkernels.keys import NOBODY
from sfkernels.records import SCALER, STATION, TASK
from sfkernels.shedding import ADMITTED, TOP, adjust, set_level, sheds

pytestmark = pytest.mark.interpreted


def bench(**station: float) -> Bench:
    return Bench(
        stations=of(STATION, **{"shedder": 0, "level": TOP, "servers": 1.0} | station),
        scalers=of(SCALER, queuing=0.02, decrease=0.05, increase=0.01),
        window=np.zeros((1, 1024), np.int64),
        tasks=of(TASK, 1),
    )


def level_of(one: Bench) -> int:
    return int(one.stations["level"][0])


def test_the_level_follows_the_published_rule() -> None:
    chance = np.random.default_rng(3)
    for _ in range(fewer(500, 50)):
        arrivals = chance.poisson(chance.choice([0.02, 0.5, 5]), TOP + 1)
        start, overloaded = int(chance.integers(1, TOP)), bool(chance.integers(2))
        one = bench(level=start)
        one.window[0, : TOP + 1] = arrivals
        admitted = int(arrivals[: start + 1].sum())
        one.window[0, ADMITTED] = admitted
        one.call(set_level, z=0, overloaded=overloaded)
        found = level_of(one)
        below = [int(arrivals[: k + 1].sum()) for k in range(TOP + 1)]
        if overloaded:  # the highest level that admits at most 95 %
            fitting = [k for k in range(start + 1) if below[k] <= 0.95 * admitted]
            assert found == max(fitting, default=0)
        else:  # the lowest level above that admits as many and 1 % of all arrivals more
            fitting = [k for k in range(start + 1, TOP + 1) if below[k] >= admitted + 0.01 * below[TOP]]
            assert found == min(fitting, default=TOP)
        assert not one.window.any()


@pytest.mark.parametrize(
    ("wait_s", "starts", "waiting", "overloaded"),
    [(2.1, 100, 5, True), (1.9, 100, 5, False), (0.0, 0, 1, True), (0.0, 0, 0, False)],
)
def test_overload_is_a_mean_wait_above_20_ms(wait_s: float, starts: int, waiting: int, overloaded: bool) -> None:
    one = bench(level=200, wait=wait_s, starts=starts, waiting=waiting)
    one.window[0, 100:300] = 10
    one.window[0, ADMITTED] = 1010
    one.call(adjust, z=0, now=1.0)
    # 5 % of the 1010 admitted are 5.05 levels of ten, 1 % of the 2000 that came are 2
    assert level_of(one) == (200 - 6 if overloaded else 200 + 2)


def test_a_tenth_admitted_is_all_again_after_ninety_periods() -> None:
    """1 % of all arrivals more each period, however few were admitted (the paper's N_adm + β N)."""
    one = bench(level=51)
    periods = 0
    while level_of(one) < TOP:
        one.window[0, : TOP + 1] = 1000
        one.window[0, ADMITTED] = 1000 * (level_of(one) + 1)
        one.call(set_level, z=0, overloaded=False)
        periods += 1
    assert periods == pytest.approx(0.9 / 0.01, rel=0.2)  # a level is 0.2 %, so that a period's 1 % is rounded up to 6


def test_who_is_above_the_level_is_turned_away() -> None:
    one = bench(level=128)
    for priority, refused in ((0, False), (1, False), (2, True)):
        one.tasks["priority"], one.tasks["user"], one.tasks["outcome"] = priority, NOBODY, names.OK
        assert one.call(sheds, s=0, i=0, now=0.0) == refused
        assert one.tasks["outcome"][0] == (names.REJECTED if refused else names.OK)
    assert (int(one.stations["arrivals"][0]), int(one.stations["rejected"][0])) == (1, 1)
    assert [int(one.window[0, k]) for k in (0, 128, 256, ADMITTED)] == [1, 1, 1, 2]


def test_users_are_in_groups_that_change_with_the_hour() -> None:
    one = bench()
    for user in range(fewer(12_800, 1280)):
        one.tasks["user"] = user
        one.call(sheds, s=0, i=0, now=3599.0)
    first = one.window[0, :128].copy()
    expected = first.sum() / 128
    assert abs(first - expected).max() < 5 * np.sqrt(expected)
    one.window[:] = 0
    for user in range(100):
        one.tasks["user"] = user
        one.call(sheds, s=0, i=0, now=3600.0)
    then = one.window[0, :128].copy()
    one.window[:] = 0
    for user in range(100):
        one.tasks["user"] = user
        one.call(sheds, s=0, i=0, now=3599.0)
    assert (then != one.window[0, :128]).any()
