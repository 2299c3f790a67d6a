"""Balancers: which replica, among those seen healthy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from alone import Bench, fewer, of

from sfkernels import names, records
from sfkernels.balancers import choose

pytestmark = pytest.mark.interpreted

FIRST = 2
"""Replica 0 of the service is the third of all."""


def bench_of(balancer: int, healthy: tuple[int, ...], tasks: tuple[int, ...] = (0, 0, 0, 0)) -> Bench:
    return Bench(
        size=1, services=of(records.SERVICE, balancer=balancer, replicas=4, replica=FIRST, salt=11),
        replicas=of(records.REPLICA, 7, healthy=[1, 1, *healthy, 1], tasks=[0, 0, *tasks, 0]),
    )  # fmt: skip


def chosen(bench: Bench, count: int, **fixed: Any) -> list[int]:
    """Replicas of the service for so many tasks, each with a key and a place of its own unless fixed."""
    return [
        int(bench.call(choose, s=0, key=fixed.get("key", np.uint64(n)), place=fixed.get("place", np.uint64(n)))) - FIRST
        for n in range(count)
    ]


@pytest.mark.parametrize("balancer", range(5))
def test_none_is_left_one_is_left(balancer: int) -> None:
    assert chosen(bench_of(balancer, (0, 0, 0, 0)), 3) == [-1 - FIRST] * 3
    assert chosen(bench_of(balancer, (0, 0, 1, 0)), 3) == [2, 2, 2]


def test_round_robin_goes_round_those_left() -> None:
    assert chosen(bench_of(names.ROUND_ROBIN, (1, 1, 1, 1)), 6) == [0, 1, 2, 3, 0, 1]
    assert chosen(bench_of(names.ROUND_ROBIN, (1, 0, 1, 1)), 6) == [0, 2, 3, 0, 2, 3]


def test_round_robin_survives_more_calls_than_32_bits_count() -> None:
    bench = bench_of(names.ROUND_ROBIN, (1, 1, 1, 1))
    bench.services["turn"] = 2**31 - 2
    assert chosen(bench, 4) == [2, 3, 0, 1]


def test_the_fewest_requests_first_of_equals() -> None:
    assert chosen(bench_of(names.LEAST_REQUESTS, (1, 1, 1, 1), (5, 3, 3, 4)), 1) == [1]
    assert chosen(bench_of(names.LEAST_REQUESTS, (1, 0, 1, 1), (5, 3, 3, 4)), 1) == [2]


def test_at_random_all_alike() -> None:
    count = fewer(4000, 400)
    found = np.bincount(chosen(bench_of(names.RANDOM, (1, 0, 1, 1)), count), minlength=4) / count
    assert found[1] == 0
    assert (abs(found[[0, 2, 3]] - 1 / 3) < 5 * np.sqrt(2 / 9 / count)).all()


def test_of_two_choices_the_one_with_fewer() -> None:
    # tasks 0, 1, 2, 3: of two different ones drawn alike the smaller: 1/2, 1/3, 1/6, never the last
    count = fewer(4000, 400)
    found = np.bincount(chosen(bench_of(names.TWO_CHOICES, (1, 1, 1, 1), (0, 1, 2, 3)), count), minlength=4) / count
    expected = np.array([3, 2, 1, 0]) / 6
    assert (abs(found - expected) <= 5 * np.sqrt(expected * (1 - expected) / count)).all()


def test_a_key_always_has_the_same_replica() -> None:
    bench = bench_of(names.BY_KEY, (1, 1, 1, 1))
    places = chosen(bench, 400)
    assert places == chosen(bench, 400, key=np.uint64(5))
    assert len(set(chosen(bench, 20, place=np.uint64(8)))) == 1
    assert (np.bincount(places, minlength=4) > 60).all()  # 100 ± 8.7
