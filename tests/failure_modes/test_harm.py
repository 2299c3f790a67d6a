"""What a trigger does is judged by what arrives, also where that is nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sfmodel.failure_modes.harm import Goodput, harm


def goodput(arrived: list[float], good: list[float]) -> Goodput:
    return Goodput(10.0 * np.arange(len(arrived)), np.array(arrived), np.array(good))


USUAL = goodput([10, 10, 10, 10], [10, 10, 9, 10])


def test_what_arrives_and_is_not_answered_well_is_bad() -> None:
    found = harm(goodput([10, 10, 10, 10], [10, 4, 4, 10]), USUAL, 10.0, 30.0)
    assert found is not None
    assert found.bad == pytest.approx(12 / 30)
    assert found.usual == pytest.approx(1 / 30)
    assert found.after == pytest.approx(0)


def test_where_nothing_arrives_any_more_all_that_is_asked_fails() -> None:
    found = harm(goodput([10, 0, 0, 0], [10, 0, 0, 0]), USUAL, 10.0, 30.0)
    assert found is not None
    assert found.bad == 1
    assert found.after == 1


def test_long_after_the_end_of_a_run_nothing_is_known() -> None:
    found = harm(USUAL, USUAL, 10.0, 50.0)
    assert found is not None
    assert math.isnan(found.after)


def test_where_nothing_arrives_without_it_nothing_can_be_judged() -> None:
    nothing = goodput([0, 0, 0, 0], [0, 0, 0, 0])
    assert harm(nothing, nothing, 10.0, 30.0) is None
    assert harm(USUAL, nothing, 10.0, 30.0) is None
