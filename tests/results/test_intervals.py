import math

import numpy as np
import pytest

from sfmodel.results.intervals import Interval, interval, mean_and_half, share_ends, student_quantile


def test_the_interval_of_three_values():
    half = 4.302653 / math.sqrt(3)  # Student's t, 2 degrees of freedom, 97.5 %; standard deviation 1
    found = interval([1.0, 2.0, 3.0])
    assert found.ends == pytest.approx((2 - half, 2 + half))
    assert (found.mean, found.n) == (2, 3)


@pytest.mark.parametrize("values", [[2.0], [1.0, math.inf]])
def test_an_interval_that_is_not_known(values):
    assert interval(values).ends is None
    assert interval(values).mean == values[-1]


def test_values_that_are_infinite_of_both_signs_have_no_mean():
    found = interval([math.inf, -math.inf])
    assert (math.isnan(found.mean), found.ends, found.n) == (True, None, 2)


def test_equal_values_have_their_own_value_as_mean_and_no_spread():
    assert interval([0.1] * 7) == Interval(0.1, 0.0, 7)


def test_of_arrays_each_place_has_its_own_interval():
    columns = [[1.0, 2.0, 3.0], [1.0, math.inf, 3.0], [math.nan, 2.0, 3.0], [5.0, 5.0, 5.0]]
    mean, half = mean_and_half(np.array(columns).T)
    every = [interval(column) for column in columns]
    np.testing.assert_array_equal(mean, [one.mean for one in every])
    np.testing.assert_array_equal(half, [one.half for one in every])


# Student's t as tables print it, at 97.5 %: Student, Biometrika 6 (1908) in Fisher's form, to three decimals.
@pytest.mark.parametrize(("freedom", "printed"), [(1, 12.706), (2, 4.303), (4, 2.776), (10, 2.228), (30, 2.042)])
def test_the_quantile_of_student(freedom: int, printed: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(printed, abs=5e-4)
    assert student_quantile(0.025, freedom) == pytest.approx(-printed, abs=5e-4)


def test_95_of_100_intervals_hold_the_mean():
    # 4,000 samples of 4: the share that holds it is within 4 standard deviations, 0.0034 each, of the level
    samples = np.random.default_rng(1).normal(10.0, 3.0, (4000, 4))
    held = [low <= 10.0 <= high for low, high in (interval(list(sample)).ends or (0, 0) for sample in samples)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.0138)


def test_the_interval_of_a_share_is_clopper_and_pearsons():
    # of 3 of 3 the lower end p has p³ = 2.5 %; of none nothing is known
    assert share_ends(3, 3) == pytest.approx((0.025 ** (1 / 3), 1))
    assert share_ends(0, 3) == pytest.approx((0, 1 - 0.025 ** (1 / 3)))
    assert share_ends(0, 0) == (0, 1)
